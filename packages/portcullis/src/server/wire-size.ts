/** How large a value is that a client has sent, as far as anybody needs to know before it is kept. */

/** What a number or a member costs, whatever it holds. */
const LEAST_BYTES = 8

/** True when it is larger than `maxBytes`, roughly; looks at no more of it than that. `value` is what a parser of Socket.IO makes. */
export function isLargerThan(value: unknown, maxBytes: number): boolean {
  // Not a recursion: how deep it nests is for the client to say.
  const open: unknown[] = [value]
  let bytes = 0
  while (open.length > 0) {
    const one = open.pop()
    bytes += LEAST_BYTES
    if (typeof one === 'string') bytes += one.length
    else if (ArrayBuffer.isView(one) || one instanceof ArrayBuffer) bytes += one.byteLength
    else if (typeof one === 'object' && one !== null) {
      for (const name in one) {
        bytes += name.length
        open.push((one as Record<string, unknown>)[name])
        if (bytes + open.length * LEAST_BYTES > maxBytes) return true
      }
    }
    if (bytes > maxBytes) return true
  }
  return false
}
