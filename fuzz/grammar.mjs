// @ts-check
/** Inputs made by the grammar of the protocols: mostly as a client would, and now and then as none would. */

import { ORIGIN, SESSION_COOKIES, SESSIONS } from './credentials.mjs'
import { LAST_OFFSET, LAST_PID, RECONNECT, STRANGER } from './input.mjs'
import { packet } from './packets.mjs'
import { phpSession } from './php.mjs'
import { rawFrame } from './raw-frames.mjs'
import { anyToken } from './tokens.mjs'

/** @typedef {import('./input.mjs').Input} Input */
/** @typedef {import('./input.mjs').Frame} Frame */
/** @typedef {import('./random.mjs').Random} Random */

/** Sara's session under a signature that is not its own, and under none. */
const FORGED_COOKIE = `s:${SESSIONS['session:sara']}.${SESSION_COOKIES.nobody.split('.')[1]}`
const OTHER_COOKIE = SESSIONS['session:sara']

/** @param {Random} random @returns {Input} */
export function generate(random) {
  const transport = random.once(4) ? 'polling' : 'websocket'
  // A credential comes with the request or with the connect: with both, the second says who it is.
  const withRequest = random.once(3)
  const php = withRequest && random.once(2) ? phpSession(random) : null
  return {
    server: random.once(3) ? 'deferred' : 'plain',
    transport,
    query: queryFor(random, transport),
    headers: [...headersFor(random), ...(withRequest || random.once(12) ? credentialHeaders(random, php) : [])],
    php,
    frames: framesFor(random, transport, withRequest),
  }
}

/** @param {Random} random @param {Input['transport']} transport */
function queryFor(random, transport) {
  const usual = `EIO=4&transport=${transport}`
  if (!random.once(15)) return usual
  return random.pick([
    `EIO=3&transport=${transport}`,
    `EIO=4&transport=webtransport`,
    `${usual}&sid=AAAAAAAAAAAAAAAAAAAA`,
    `${usual}&sid=__proto__`,
    `${usual}&sid=`,
    `${usual}&token=${anyToken(random)}`,
    `${usual}&access_token=${anyToken(random)}`,
    `${usual}&EIO=4&EIO[]=3&__proto__[x]=1`,
    `${usual}&x=${'%41'.repeat(random.below(200))}`,
    'EIO=4',
    '',
  ])
}

/** @param {Random} random @returns {[string, string][]} */
function headersFor(random) {
  /** @type {[string, string][]} */
  const headers = []
  if (!random.once(3)) {
    headers.push([
      'Origin',
      random.once(8) ? random.pick(['https://evil.example', 'null', '', `${ORIGIN}.evil`]) : ORIGIN,
    ])
  }
  if (random.once(8)) headers.push(['X-Forwarded-For', random.pick(['10.9.8.7', '::1', 'x', '1.1.1.1, 2.2.2.2', ','])])
  if (random.once(12)) headers.push(['Sec-Fetch-Site', random.pick(['same-origin', 'cross-site', 'none', 'x'])])
  if (random.once(25)) headers.push(['Origin', random.pick([ORIGIN, 'https://evil.example'])])
  if (random.once(20)) headers.push([`X-${'a'.repeat(random.below(60))}`, 'v'.repeat(random.below(4_000))])
  return headers
}

/** @param {Random} random @param {Input['php']} php @returns {[string, string][]} */
function credentialHeaders(random, php) {
  if (php !== null) return [['Cookie', `PHPSESSID=${php.sid}`]]
  if (!random.once(3)) return [['Cookie', cookies(random)]]
  return random.list(random.once(9) ? 2 : 1, () => ['Authorization', authorization(random)])
}

/** @param {Random} random */
function authorization(random) {
  const scheme = random.once(5) ? random.pick(['bearer', 'Basic', 'BEARER', '', 'Bearer Bearer']) : 'Bearer'
  return `${scheme} ${random.once(6) ? random.pick(['', '.', '..', 'a.b.c']) : anyToken(random)}`
}

/** @param {Random} random */
function cookies(random) {
  const one = () => {
    const value = random.once(4)
      ? random.pick(['s:', 's:x.y', '%', '"', 'x'.repeat(9_000), FORGED_COOKIE, OTHER_COOKIE])
      : random.pick(Object.values(SESSION_COOKIES))
    const spelt = random.once(4) ? value : encodeURIComponent(value)
    return `${random.once(6) ? random.pick(['a', 'Connect.Sid', '__proto__', 'PHPSESSID']) : 'connect.sid'}=${spelt}`
  }
  return random.list(1 + random.below(3), one).join(random.pick(['; ', '; ', ';', ', ']))
}

/** @param {Random} random @param {Input['transport']} transport @param {boolean} withRequest @returns {Frame[]} */
function framesFor(random, transport, withRequest) {
  const count = 1 + random.below(random.once(10) ? 60 : 10)
  const enter = () => (withRequest && !random.once(6) ? '40/chat,' : connect(random))
  /** @type {Frame[]} */
  const frames = random.once(12) ? [] : [enter()]
  while (frames.length < count) frames.push(...next(random, transport))
  // Who comes back may be somebody else.
  if (random.once(6)) frames.push(RECONNECT, random.once(3) ? enter() : comeBack(random), `4${packet(random)}`)
  return frames
}

/** @param {Random} random @param {readonly string[]} [namespaces] */
function connect(random, namespaces = ['/chat,']) {
  const odd = ['', '/,', '/admin,', '/t-1,', '/t-99,', '/CHAT,']
  const namespace = random.pick(random.once(8) ? odd : namespaces)
  const auth = random.once(8)
    ? random.pick(['', '{}', '[]', 'null', '{"token":1}', '{"pid":"a","offset":"b"}', '{"__proto__":{"token":"x"}}'])
    : JSON.stringify({ token: anyToken(random) })
  return `40${namespace}${auth}`
}

/** A connect that asks for what the connection before it was. @param {Random} random */
function comeBack(random) {
  const offset = random.once(5) ? random.pick(['', 'x', 1, null]) : LAST_OFFSET
  return `40/chat,${JSON.stringify({ token: anyToken(random), pid: random.once(8) ? 'x' : LAST_PID, offset })}`
}

/** @param {Random} random @param {Input['transport']} transport @returns {Frame[]} */
function next(random, transport) {
  if (random.once(20)) return [connect(random, ['/admin,', '/t-1,', '/t-2,', '/chat,'])]
  if (random.once(60)) return [random.pick(['1', '2', '3', '2probe', '5', '6', '0', '', 'b', '4', '41/chat,', '41'])]
  if (random.once(50) && transport === 'websocket') return [rawFrame(random)]
  if (random.once(12) && transport === 'polling') return [STRANGER]
  if (random.once(10)) return binary(random)
  return [`4${packet(random)}`]
}

/** A packet that says how many attachments follow it, and as many of them, or not. @param {Random} random @returns {Frame[]} */
function binary(random) {
  const count = 1 + random.below(3)
  const said = random.once(12) ? random.pick([0, 2, 11, 1e9]) : count
  const places = random.list(count, () => ({ _placeholder: true, num: random.once(8) ? 99 : random.below(count) }))
  const event = random.pick(['bytes', 'bytes', 'echo', 'never', 'auth:join', 'auth:refresh'])
  const ack = random.once(2) ? String(random.below(99)) : ''
  return [
    `4${random.once(8) ? 6 : 5}${said}-/chat,${ack}${JSON.stringify([event, ...places])}`,
    ...random.list(count, () => ({ bytes: random.bytes(random.below(40)).toString('base64'), raw: false })),
  ]
}
