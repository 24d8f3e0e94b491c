/** What only the parts themselves can say of their options is said by `check` too, with file, line and option. */

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parseConfig } from '../src/config/load.ts'
import { checkLoaded, checkShadow } from '../src/open/check-loaded.ts'
import { temporaryFolder } from './temporary.ts'

const SECRET = randomBytes(32).toString('hex')
const OTHER = randomBytes(32).toString('hex')
const BASE = `origins: [https://app.example]
issuer: https://app.example
strategies: [ { use: anonymous } ]
redis: { url: redis://127.0.0.1:6379 }
postgres: { url: postgres://127.0.0.1/test, poolSize: 1 }
`
const NAMESPACES = 'namespaces: { /news: { connect: true } }\n'

function mistakeIn(rest: string, namespaces = NAMESPACES): string {
  try {
    checkLoaded(parseConfig(BASE + namespaces + rest, '/etc/portcullis.yaml', { SECRET, OTHER }))
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
  return ''
}

it.each([
  ['limits: { foo: 1 }', 7, 'limits.foo'],
  ['limits: { connectTimeoutMs: -1 }', 7, 'limits.connectTimeoutMs'],
  ['lease: { foo: 1 }', 7, 'lease.foo'],
  ['trustedProxies: [ 10.0.0.1, "no address" ]', 7, 'trustedProxies'],
  [`hooks: { url: "http://backend.example/x", secret: "\${SECRET}" }`, 7, 'hooks.url'],
  [
    `signing: { pusher: [ { key: app, secret: "\${SECRET}" }, { key: app, secret: "\${SECRET}" } ] }`,
    7,
    'signing.pusher',
  ],
  [
    `inspector: { public: true, secret: "\${SECRET}", users: [ { name: a, passwordHash: "\${SECRET}" } ] }`,
    7,
    'inspector.users[0].passwordHash',
  ],
  [
    `control:\n  keys:\n    - { name: a, key: "\${SECRET}", permissions: all }\n    - { name: a, key: "\${OTHER}", permissions: all }`,
    10,
    'control.keys[1].name',
  ],
  [
    `control:\n  keys:\n    - { name: a, key: "\${SECRET}", permissions: [publish], namespaces: [news] }`,
    9,
    'control.keys[0].namespaces',
  ],
])('"%s" is told at line %i as "%s"', (rest, line, option) => {
  const told = mistakeIn(`${rest}\n`)
  expect(told).toContain(`ConfigError: /etc/portcullis.yaml:${line}:`)
  expect(told).toContain(`"${option}" `)
  expect(told).not.toContain(SECRET)
})

it.each([
  ['an event of Socket.IO', 'events: { disconnecting: { allow: true, to: nothing } }'],
  ['an event of the protocol', 'events: { "auth:join": { allow: true, to: nothing } }'],
  [
    'an event sent to a room under the name of one of the protocol',
    'events: { a: { allow: true, to: { room: "args[0]", event: "auth:closed" } } }',
  ],
  [
    'an event sent to a room under the name of one of Socket.IO',
    'events: { a: { allow: true, to: { room: "args[0]", event: connect } } }',
  ],
])('%s is no event of a file', (_, events) => {
  expect(mistakeIn('', `namespaces:\n  /news:\n    connect: true\n    ${events}\n`)).toMatch(
    /^ConfigError: .*:\d+:\d+: "namespaces\.\/news/,
  )
})

it('a policy in the shadow and memberships in a pool of one connection are no mistake', () => {
  const memberships = 'memberships: { sql: "select s as subject, r as room from m where s = any($1)", channel: m }'
  expect(mistakeIn('', `namespaces: { /news: { connect: true, ${memberships} } }\n`)).toBe('')
})

it.each([
  [`\${NOT_SET}`, 'needs the environment variable NOT_SET, which is not set'],
  [`\${HEX}`, 'must be a whole number from 0 to 65535'],
])('a number that is written as %s is told with its option', (port, why) => {
  const read = () =>
    parseConfig(`${BASE}${NAMESPACES}listen: { port: "${port}" }\n`, '/etc/portcullis.yaml', { HEX: '0x10' })
  expect(read).toThrow(`/etc/portcullis.yaml:7:11: "listen.port" ${why}`)
})

it('a secret in a file that cannot be read is told as that', () => {
  const source = `${BASE}${NAMESPACES}nodes: { secret: "\${NODES_SECRET}" }\n`
  expect(() => parseConfig(source, '/etc/portcullis.yaml', { NODES_SECRET_FILE: '/nowhere/secret' })).toThrow(
    '"nodes.secret" needs the file that NODES_SECRET_FILE names, which cannot be read (ENOENT)',
  )
})

it('a namespace without a slash, and a query of memberships without $1, are told in words', () => {
  expect(mistakeIn('', 'namespaces: { chat: { connect: true } }\n')).toContain(
    '"namespaces.chat" must be a name such as /news',
  )
  const memberships = '{ sql: select 1, channel: m }'
  expect(mistakeIn('', `namespaces: { /a: { connect: true, memberships: ${memberships} } }\n`)).toContain(
    '"namespaces./a.memberships.sql" must use $1',
  )
})

it('a shadow whose policy no server would take is told before anything is in force', async () => {
  const file = join(await temporaryFolder(), 'next.yaml')
  const events = '{ "auth:join": { allow: true, to: nothing } }'
  await writeFile(file, `${BASE}namespaces: { /news: { connect: true, events: ${events} } }\n`)
  const loaded = parseConfig(
    `${BASE}namespaces: { /news: { connect: true } }\nshadow: ${file}\n`,
    '/etc/portcullis.yaml',
    {},
  )
  await expect(checkShadow(loaded, {})).rejects.toThrow(/next\.yaml:6:\d+: "namespaces\.\/news/)
})
