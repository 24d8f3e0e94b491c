// @ts-check
/** What no bundle of the library may contain. */

/** @typedef {import('./graph.mjs').Graph} Graph */

export const CLIENT_LIMIT_BYTES = 3072

/** @param {Graph} graph of `portcullis/client` for browsers @returns {string[]} */
export function findClientViolations({ modules, builtins, unresolved, brotliBytes }) {
  const strangers = modules.filter((name) => !/^dist\/(client\/|protocol\.js$|errors\.js$)/.test(name))
  return [
    ...[...strangers, ...unresolved].map(
      (name) => `portcullis/client contains ${name}; a browser gets the wire and nothing else`,
    ),
    ...builtins.map((name) => `portcullis/client imports ${name}; no browser has it`),
    ...(brotliBytes > CLIENT_LIMIT_BYTES
      ? [
          `portcullis/client weighs ${brotliBytes} bytes with brotli, over ${CLIENT_LIMIT_BYTES}; every visitor of a page loads it`,
        ]
      : []),
  ]
}

export const LEGACY_CLIENT_LIMIT_BYTES = 2048

/** @param {Graph} graph of `portcullis/compat/socketio-0.9-client` for browsers @returns {string[]} */
export function findLegacyClientViolations({ modules, builtins, unresolved, brotliBytes }) {
  const name = 'portcullis/compat/socketio-0.9-client'
  const strangers = modules.filter((module) => !/^dist\/(compat\/)?socketio-0\.9-client/.test(module))
  return [
    ...[...strangers, ...unresolved, ...builtins].map(
      (module) => `${name} contains ${module}; an old page gets its own events and nothing else`,
    ),
    ...(brotliBytes > LEGACY_CLIENT_LIMIT_BYTES
      ? [
          `${name} weighs ${brotliBytes} bytes with brotli, over ${LEGACY_CLIENT_LIMIT_BYTES}; every visitor of a page loads it`,
        ]
      : []),
  ]
}

/** Packages that only who asks for them by a subpath, or installs them, has. */
const OPTIONAL = new Set([
  'socket.io-client',
  'pg',
  'redis',
  '@redis/client',
  'ioredis',
  'jose',
  'express-session',
  'passport',
  'zod',
])

/** @param {Graph} graph of `portcullis` for Node @returns {string[]} */
export function findServerViolations({ modules, unresolved }) {
  return [
    ...[...modules, ...unresolved]
      .filter((name) => OPTIONAL.has(name))
      .map((name) => `portcullis imports ${name}; the entry must start without it, whoever needs it imports a subpath`),
    ...modules
      .filter((name) => /^dist\/(strategies|client|compat|testing)\//.test(name))
      .map((name) => `portcullis imports ${name}; what has a subpath of its own is not in the entry`),
  ]
}

/**
 * @param {readonly string[]} imports as written, of the entry's own files
 * @param {import('../workspace.mjs').Manifest} manifest
 * @returns {string[]}
 */
export function findUndeclared(imports, { name, dependencies, peerDependencies }) {
  const declared = { ...dependencies, ...peerDependencies }
  return imports
    .filter((specifier) => !specifier.startsWith('node:'))
    .filter((specifier) => {
      const [first = '', second] = specifier.split('/')
      return !((first.startsWith('@') ? `${first}/${second}` : first) in declared)
    })
    .map((specifier) => `${name} imports ${specifier}, which its package.json does not declare; a user may not have it`)
}
