// @ts-check
/** Packets of Socket.IO, revision 5, as text: events, acknowledgements and what Portcullis adds to them. */

import { anyToken } from './tokens.mjs'

/** @typedef {import('./random.mjs').Random} Random */

/** Events with a rule, without one, reserved, and that no client may send. */
const EVENTS = ['say', 'say', 'slow', 'echo', 'typed', 'admin', 'never', 'bytes', 'auth:join', 'auth:leave']
const ODD_EVENTS = [
  'auth:whoami',
  'auth:refresh',
  'auth:',
  'auth:closed',
  '__proto__',
  'constructor',
  'toString',
  'connect',
]
const ROOMS = [
  'org:acme',
  'org:globex',
  'user.alice:inbox',
  'user.bob:inbox',
  'org:',
  'org:a:b',
  'auth|x',
  'member:alice',
]

/** @param {Random} random @returns {string} */
export function packet(random) {
  const namespace = random.once(40) ? random.pick(['', '/admin,', '/t-1,', '/x,', '/chat', '/chat?a=1,']) : '/chat,'
  const ack = random.once(2)
    ? ''
    : random.once(10)
      ? random.pick(['-1', '1e9', '9'.repeat(40), '00'])
      : String(random.below(99))
  if (random.once(12))
    return `3${namespace}${ack}${JSON.stringify(random.list(random.below(3), () => argument(random, 2)))}`
  if (random.once(60)) return `2${namespace}${ack}`
  const event = random.once(8) ? random.pick([...ODD_EVENTS, 1, random.once(4) ? null : 2]) : random.pick(EVENTS)
  return `2${namespace}${ack}${JSON.stringify([event, ...argumentsOf(random, event)])}`
}

/** @param {Random} random @param {unknown} event @returns {unknown[]} */
function argumentsOf(random, event) {
  if (random.once(5)) return random.list(random.below(4), () => argument(random, 3))
  switch (event) {
    case 'auth:join':
    case 'auth:leave':
      return [rooms(random), ...(random.once(4) ? [argument(random, 2)] : [])]
    case 'auth:refresh':
      return [{ token: anyToken(random) }]
    case 'typed':
      return [random.pick(['text', 1, '', 'x'.repeat(2_000)])]
    default:
      return [argument(random, 2)]
  }
}

/** @param {Random} random */
function rooms(random) {
  const one = () => (random.once(6) ? argument(random, 1) : random.pick(ROOMS))
  return random.once(3) ? random.list(random.below(random.once(10) ? 200 : 5), one) : one()
}

/** @param {Random} random @param {number} depth @returns {unknown} */
function argument(random, depth) {
  const kind = random.below(depth > 0 ? 10 : 7)
  switch (kind) {
    case 0:
      return random.pick([null, true, false, 0, -1, 1e308, 2 ** 53, 0.1])
    case 1:
      return 'x'.repeat(depth > 1 && random.once(10) ? random.below(90_000) : random.below(20))
    case 2:
      return random.bytes(random.below(12)).toString('latin1')
    case 3:
      return random.pick(['__proto__', 'é\ud800', '\0', '\u2028', 'auth:x', ...ROOMS])
    case 4:
      return { _placeholder: true, num: random.below(3) }
    case 5:
      return JSON.parse('{"__proto__":{"role":"admin"},"constructor":{"prototype":{"role":"admin"}}}')
    case 6:
      return deep(random)
    case 7:
      return random.once(20)
        ? random.list(random.below(2_000), () => random.pick([0, null, 'a', {}, []]))
        : random.list(random.below(4), () => argument(random, depth - 1))
    default:
      return Object.fromEntries(
        random.list(random.below(4), () => [
          random.pick(['a', 'b', 'toJSON', 'then', 'length']),
          argument(random, depth - 1),
        ]),
      )
  }
}

/** @param {Random} random */
function deep(random) {
  /** @type {unknown} */
  let value = 1
  for (let left = random.below(random.once(10) ? 3_000 : 30); left > 0; left -= 1)
    value = random.once(2) ? [value] : { a: value }
  return value
}
