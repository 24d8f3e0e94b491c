// @ts-check
/** WebSocket frames by hand (RFC 6455 section 5.2): sound ones, and bytes that no client sends. */

/** @typedef {import('./random.mjs').Random} Random */

const MASK = Buffer.from([0x37, 0xfa, 0x21, 0x3d])

/** @param {string | Buffer} data @param {number} [opcode] by default text or binary @param {number} [firstBits] FIN and the reserved ones */
export function encodeFrame(data, opcode = typeof data === 'string' ? 1 : 2, firstBits = 0x80) {
  const payload = Buffer.from(/** @type {string} */ (data))
  const { length } = payload
  const size = length < 126 ? Buffer.from([0x80 | length]) : Buffer.alloc(length < 65_536 ? 3 : 9)
  if (size.length === 3) {
    size[0] = 0x80 | 126
    size.writeUInt16BE(length, 1)
  } else if (size.length === 9) {
    size[0] = 0x80 | 127
    size.writeBigUInt64BE(BigInt(length), 1)
  }
  const masked = Buffer.from(payload)
  for (let i = 0; i < length; i += 1)
    masked[i] = /** @type {number} */ (masked[i]) ^ /** @type {number} */ (MASK[i % 4])
  return Buffer.concat([Buffer.from([firstBits | opcode]), size, MASK, masked])
}

/** @param {Random} random @returns {import('./input.mjs').Frame} */
export function rawFrame(random) {
  return { bytes: malformed(random).toString('base64'), raw: true }
}

/** @param {Random} random @returns {Buffer} */
function malformed(random) {
  const text = '42/chat,["say",1]'
  switch (random.below(10)) {
    case 0: // A reserved bit, which needs an extension.
      return encodeFrame(text, 1, 0x80 | random.pick([0x40, 0x20, 0x10]))
    case 1: // A reserved opcode.
      return encodeFrame(text, random.pick([3, 7, 11, 15]))
    case 2: // Without a mask.
      return Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)])
    case 3: // A length of what never comes, or more than is taken.
      return Buffer.concat([Buffer.from([0x81, 0xff]), random.bytes(8), MASK])
    case 4: // In pieces, well or ill.
      return Buffer.concat([
        encodeFrame(text.slice(0, 9), random.pick([1, 1, 2]), 0),
        encodeFrame(text.slice(9), random.pick([0, 0, 1])),
      ])
    case 5: // A control frame that is too long, or closes with an odd code.
      return encodeFrame(random.bytes(random.pick([0, 1, 2, 126])), random.pick([8, 9, 10]))
    case 6: // No UTF-8.
      return encodeFrame(Buffer.concat([Buffer.from('42/chat,["'), random.bytes(6), Buffer.from('"]')]), 1)
    case 7: // Larger than the server takes.
      return encodeFrame('4'.repeat(100_001))
    case 8:
      return random.bytes(1 + random.below(40))
    default: // Many at once.
      return Buffer.concat(random.list(1 + random.below(40), () => encodeFrame(text)))
  }
}
