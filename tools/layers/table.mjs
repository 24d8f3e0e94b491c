// @ts-check
/** Who may import whom in packages/portcullis/src, and why: the table of DESIGN.md, as data. */

/**
 * @typedef {'value' | 'types'} Extent `types`: only what is erased when the code is compiled.
 * @typedef {object} Room
 * @property {Readonly<Record<string, Extent>>} rooms other rooms that it may import by relative path
 * @property {Readonly<Record<string, Extent>> | 'any'} packages npm packages that it may import
 * @property {boolean} node whether it may import `node:*`
 * @property {string} why
 * @property {boolean} [oneFileOneSubpath] its files never import one another, except their own helpers
 * @property {Readonly<Record<string, string>>} [globals] globals that it may not name, each with the reason
 * @property {Readonly<Record<string, string>>} [whyNot] a better reason for one room or package
 */

const TIMERS = 'core is given the time and never waits, so that a test can move the clock'
const PLATFORM = 'core is pure functions over plain data, the same on every platform'

/** A room is a folder of src, or the name of a file that stands directly in it. */
export const ROOMS = /** @satisfies {Record<string, Room>} */ ({
  protocol: {
    rooms: {},
    packages: {},
    node: false,
    why: 'the wire imports nothing, so that a client in any language can be written from this one file',
  },
  errors: {
    rooms: { protocol: 'types' },
    packages: {},
    node: false,
    why: 'the table of codes imports nothing but the types of the wire, so that everybody can import it',
  },
  'address-ranges': {
    rooms: {},
    packages: {},
    node: true,
    why: 'address ranges are read alike wherever a proxy is named, and know of nothing else',
  },
  core: {
    rooms: { errors: 'value', protocol: 'types' },
    packages: {},
    node: false,
    why: 'core is pure functions over plain data: it knows no socket, no store and no platform',
    globals: {
      setTimeout: TIMERS,
      setInterval: TIMERS,
      setImmediate: TIMERS,
      process: PLATFORM,
      Buffer: PLATFORM,
    },
  },
  'option-checks': {
    rooms: { core: 'types' },
    packages: {},
    node: false,
    why: 'options are checked alike everywhere, so that a mistake is told in the same words',
  },
  outbound: {
    rooms: { errors: 'value', 'option-checks': 'value' },
    packages: {},
    node: true,
    why: 'a call to somebody else has the same bounds whoever makes it, and knows nothing of what it asks',
  },
  php: {
    rooms: { core: 'value', errors: 'value' },
    packages: {},
    node: true,
    why: "what PHP writes is read alike by every strategy of PHP's, and knows of none of them",
  },
  strategies: {
    rooms: {
      core: 'value',
      errors: 'value',
      'address-ranges': 'value',
      'option-checks': 'value',
      outbound: 'value',
      php: 'value',
    },
    packages: { jose: 'value', cookie: 'value', 'cookie-signature': 'value' },
    node: true,
    oneFileOneSubpath: true,
    why: 'a strategy turns a handshake into an identity and knows nothing of the server that asks it',
  },
  channels: {
    rooms: { core: 'value', errors: 'value' },
    packages: { jose: 'value', cookie: 'value', 'cookie-signature': 'value' },
    node: true,
    oneFileOneSubpath: true,
    why: 'a signed grant is checked from plain data, whatever server asks',
  },
  revocations: {
    rooms: { core: 'value', 'option-checks': 'value' },
    packages: {},
    node: true,
    oneFileOneSubpath: true,
    why: "a log is handed its client by the application, so that nobody installs another one's database driver",
  },
  memberships: {
    rooms: { core: 'value', errors: 'value', 'option-checks': 'value' },
    packages: {},
    node: true,
    oneFileOneSubpath: true,
    why: 'a source of memberships is handed its client by the application, and the guard that it tells by a small interface',
  },
  logout: {
    rooms: { core: 'value', errors: 'value', 'option-checks': 'value', strategies: 'value' },
    packages: { jose: 'value' },
    node: true,
    oneFileOneSubpath: true,
    why: 'a logout is told to a guard by a small interface; its signed tokens are verified as those of the jwt strategy are',
  },
  hooks: {
    rooms: { core: 'value', errors: 'value', 'option-checks': 'value', outbound: 'value', strategies: 'value' },
    packages: {},
    node: true,
    oneFileOneSubpath: true,
    why: 'a hook asks a back end as the webhook strategy does, about more; it is handed to the server as a strategy and as rules',
  },
  server: {
    rooms: { core: 'value', errors: 'value', protocol: 'value', 'address-ranges': 'value' },
    packages: { 'socket.io': 'value', 'rate-limiter-flexible': 'value' },
    node: true,
    why: 'server is the only room that speaks socket.io, and it speaks to strategies and logs through core alone',
    whyNot: {
      strategies: 'the application chooses its strategies, so a server never loads one by itself',
      revocations: 'the application chooses its revocation log, so a server never loads one by itself',
    },
  },
  client: {
    rooms: { protocol: 'value', errors: 'types' },
    packages: { 'socket.io-client': 'types' },
    node: false,
    why: 'the client runs in browsers and stays small: it is the wire and nothing else',
    whyNot: {
      core: 'core decides on the server; a browser that had it would only carry its weight',
      'socket.io-client': 'the application brings its own copy, so only types of it may be imported',
      errors: 'the client reads codes from the wire, so only types of the table may be imported',
    },
  },
  compat: {
    rooms: {},
    packages: 'any',
    node: true,
    oneFileOneSubpath: true,
    why: 'an old API is a facade over the public one, so that it proves that the public one suffices',
  },
  testing: {
    rooms: {},
    packages: 'any',
    node: true,
    why: 'the testing kit uses what an application uses, so that it holds for strategies of other people too',
  },
})

/** Rooms of the entry layer compose the others: they may import all but what is only for others to import. */
export const ENTRIES = Object.freeze(['index', 'create-auth'])
export const NOBODY_IMPORTS = Object.freeze({
  compat: 'nobody imports an old API: it is a facade that can be deleted',
  testing: 'the testing kit is for tests, so nothing that is deployed imports it',
})

/** Files that several files of a room may import. */
export const SHARED = Object.freeze({
  strategies: ['from', 'identified', 'registered-claims', 'revalidated', 'strict-json'],
  channels: [],
  revocations: ['bus', 'listening', 'sealed'],
  memberships: [],
  hooks: [],
  compat: [
    'legacy-admission',
    'legacy-audit',
    'legacy-gone',
    'legacy-handshake',
    'legacy-handshake-data',
    'legacy-identity',
    'legacy-jwt',
    'legacy-jwt-answer',
    'legacy-jwt-checks',
    'legacy-jwt-error',
    'legacy-jwt-key',
    'legacy-jwt-ours',
    'legacy-jwt-principal',
    'legacy-jwt-untyped',
    'legacy-lease',
    'legacy-origin',
    'legacy-recovery',
    'legacy-silence',
    'legacy-watch',
  ],
  logout: ['afterwards', 'ending', 'post-endpoint', 'signal-endings', 'signed-token', 'signed-token-options'],
})
/** Helpers, and variants, that are not named after their owner. */
export const HELPER_OF = Object.freeze({
  strategies: { 'strict-jws': 'jwt', passport: 'session' },
  channels: {},
  revocations: {},
  // Named as the old packages are, one of which begins like another.
  compat: {
    'socketio-0.9-client': 'socketio-0.9-client',
    'socketio-0.9-client-connection': 'socketio-0.9-client',
    'socketio-0.9-client-emitter': 'socketio-0.9-client',
    'socketio-0.9-client-options': 'socketio-0.9-client',
    'socketio-0.9-client-refusal': 'socketio-0.9-client',
    'socketio-jwt-auth': 'socketio-jwt-auth',
    'socketio-jwt-auth-error': 'socketio-jwt-auth',
    'socketio-jwt-auth-options': 'socketio-jwt-auth',
    'socketio-jwt-auth-request': 'socketio-jwt-auth',
    'socketio-jwt-auth-token': 'socketio-jwt-auth',
    'socketio-jwt-auth-verify': 'socketio-jwt-auth',
  },
})
/** Published although they belong to another: `passport` is the same session, asked for another user. */
const VARIANTS = Object.freeze({ strategies: ['passport'], channels: [], revocations: [] })

/**
 * The file whose helper a file is: `jwt-keys` belongs to `jwt`; a file that is nobody's helper belongs to itself.
 *
 * @param {string} room
 * @param {string} name without extension
 * @param {ReadonlySet<string>} siblings names of all files of the room
 */
export function ownerOf(room, name, siblings) {
  const explicit = /** @type {Record<string, Record<string, string>>} */ (HELPER_OF)[room]?.[name]
  if (explicit !== undefined) return explicit
  const parts = name.split('-')
  for (let length = 1; length < parts.length; length++) {
    const prefix = parts.slice(0, length).join('-')
    if (siblings.has(prefix) && !isShared(room, prefix)) return prefix
  }
  return name
}

/**
 * @param {string} room
 * @param {string} name
 */
export function isShared(room, name) {
  return /** @type {Record<string, readonly string[]>} */ (SHARED)[room]?.includes(name) ?? false
}

/**
 * @param {string} room
 * @param {string} name
 */
export function isVariant(room, name) {
  return /** @type {Record<string, readonly string[]>} */ (VARIANTS)[room]?.includes(name) ?? false
}
