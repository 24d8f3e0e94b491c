/** The configuration file: what is read, and what is said of a mistake. */

import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { jsonSchemaOf } from '../src/config/json-schema.ts'
import { type Loaded, parseConfig } from '../src/config/load.ts'
import { ConfigError } from '../src/config/mistakes.ts'
import { checkLoaded } from '../src/open/check-loaded.ts'

const SECRET = 'f3b1c9d2a7e84650b9c8d7e6f5a4b3c2'
const ENV = {
  JWT_SECRET: SECRET,
  DATABASE_URL: 'postgres://user:hunter2@db.example:5432/news',
  REDIS_URL: 'redis://:hunter2@redis.example:6379',
  HOOK_SECRET: `whsec_${Buffer.from(SECRET).toString('base64')}`,
  SHORT: 'short',
}

const HEAD = `origins: [https://app.example]
issuer: https://app.example
strategies:
  - use: jwt
    issuer: https://id.example
    audience: chat
    secret: \${JWT_SECRET}
`
const read = (source: string): Loaded => parseConfig(source, '/etc/portcullis.yaml', ENV)

function mistakesIn(source: string): readonly string[] {
  try {
    checkLoaded(read(source))
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n')
    throw error
  }
  return []
}

describe('a valid file', () => {
  const source = `${HEAD}redis: { url: '\${REDIS_URL}' }
postgres: { url: '\${DATABASE_URL}' }
hooks: { url: https://backend.example/hooks, secret: '\${HOOK_SECRET}' }
signing: { pusher: [ { key: app, secret: '\${JWT_SECRET}' } ] }
namespaces:
  /news:
    connect: has(identity.claims.org)
    memberships: { cel: '["organization." + identity.claims.org]' }
    rooms:
      organization.{id}:
        allow: { any: [ identity.claims.org == params.id, { sql: 'select 1 from members where u = :identity.subject and o = :params.id' } ] }
        presence: true
      private-{name}: { allow: { signed: pusher } }
    events:
      news:publish: { allow: { all: [ { scope: 'news:write' }, size(args) == 2 ] }, args: [ { type: string }, { type: object } ], to: hook }
      typing: { allow: true, to: { room: 'args[0]' } }
`

  it('says who may do what, in the order of the file', () => {
    expect(checkLoaded(read(source)).map(({ action, who }) => `${action}: ${who}`)).toEqual([
      'connect: has(identity.claims.org)',
      'join organization.{id}: any of (identity.claims.org == params.id; sql select 1 from members where u = :identity.subject and o = :params.id)',
      'see who is in organization.{id}: everyone',
      'join private-{name}: signed by the backend',
      'send news:publish: all of (scope news:write; size(args) == 2)',
      'send typing: everyone',
      'be in rooms: ["organization." + identity.claims.org]',
    ])
  })

  it('fits the published JSON Schema, which is the one that the code makes', async () => {
    const file = fileURLToPath(new URL('../schema/portcullis.schema.json', import.meta.url))
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(jsonSchemaOf())))
    expect(z.fromJSONSchema(jsonSchemaOf() as never)).toBeDefined()
  })
})

describe('a mistake names file, line and option', () => {
  const NAMESPACE = 'namespaces:\n  /news:\n    connect: true\n'
  it.each([
    ['an unknown option', `${HEAD}${NAMESPACE}orgins: x\n`, '11:1: "orgins" is not an option here'],
    ['something missing', 'strategies: []\n', '1:1: "origins" is required'],
    [
      'a number out of range',
      `listen: { port: 70000 }\n${HEAD}${NAMESPACE}`,
      '1:11: "listen.port" must be a whole number from 0 to 65535',
    ],
    [
      'an origin with a path',
      `${HEAD.replace('app.example]', 'app.example/x]')}${NAMESPACE}`,
      '1:11: "origins[0]" must be an origin',
    ],
    [
      'a secret in the file',
      `${HEAD.replace(/secret: .*/, `secret: ${SECRET}`)}${NAMESPACE}`,
      '7:5: "strategies[0].secret" is a secret: write $',
    ],
    [
      'a secret that is not set',
      `${HEAD.replace('JWT_SECRET', 'NOWHERE')}${NAMESPACE}`,
      '"strategies[0].secret" needs the environment variable NOWHERE',
    ],
    [
      'a secret that is short',
      `${HEAD.replace('JWT_SECRET', 'SHORT')}${NAMESPACE}`,
      '"strategies[0].secret": the variable SHORT must hold at least 32 bytes',
    ],
    ['an unknown strategy', `${HEAD}  - use: magic\n${NAMESPACE}`, '8:5: "strategies[1].use" must name a strategy'],
    [
      'an option of a strategy',
      `${HEAD}  - { use: anonymous, secret: x }\n${NAMESPACE}`,
      '8:23: "strategies[1].secret" is not an option here',
    ],
    ['a namespace without a rule', `${HEAD}namespaces:\n  /news: {}\n`, '9:3: "namespaces./news.connect" is required'],
    [
      'an event without a rule',
      `${HEAD}${NAMESPACE}    events:\n      ping: { to: nothing }\n`,
      '12:7: "namespaces./news.events.ping.allow" is required',
    ],
    [
      'a room without a rule',
      `${HEAD}${NAMESPACE}    rooms:\n      org.{id}: {}\n`,
      '12:7: "namespaces./news.rooms.org.{id}" has no rule',
    ],
    [
      'a room pattern',
      `${HEAD}${NAMESPACE}    rooms:\n      org.*: { allow: true }\n`,
      '12:7: "namespaces./news.rooms.org.*" room pattern',
    ],
    [
      'what is no CEL',
      `${HEAD}namespaces:\n  /news:\n    connect: identity.claims.org ==\n`,
      '10:5: "namespaces./news.connect" is no CEL expression',
    ],
    [
      'a name that CEL has not',
      `${HEAD}namespaces:\n  /news:\n    connect: params.id == "x"\n`,
      '10:5: "namespaces./news.connect" cannot work: Unknown variable: params (it may name identity)',
    ],
    [
      'a field that an identity has not',
      `${HEAD}namespaces:\n  /news:\n    connect: has(identity.claims.x) && identity.claim.x\n`,
      '"namespaces./news.connect" names identity.claim; an identity has scheme, issuer, subject, claims',
    ],
    [
      'CEL that gives text',
      `${HEAD}namespaces:\n  /news:\n    connect: identity.claims.org + "x"\n`,
      '"namespaces./news.connect" gives string, where true or false is wanted',
    ],
    [
      'a kind of condition',
      `${HEAD}namespaces:\n  /news:\n    connect: { role: admin }\n`,
      '10:16: "namespaces./news.connect.role" is not a kind of condition',
    ],
    [
      'a part of a condition',
      `${HEAD}namespaces:\n  /news:\n    connect: { all: [ true, { scope: "a b" } ] }\n`,
      '"namespaces./news.connect.all[1].scope" must be a scope token',
    ],
    [
      'a parameter in SQL',
      `postgres: { url: '\${DATABASE_URL}' }\n${HEAD}namespaces:\n  /news:\n    connect: { sql: "select :user" }\n`,
      '"namespaces./news.connect.sql" names :user, which is none of :identity',
    ],
    [
      'hooks that are not there',
      `${HEAD}namespaces:\n  /news:\n    connect: { hook: true }\n`,
      '"namespaces./news.connect.hook" needs "hooks"',
    ],
    [
      'a JSON Schema',
      `${HEAD}${NAMESPACE}    events:\n      ping: { allow: true, to: nothing, args: [ { tpye: string } ] }\n`,
      '"namespaces./news.events.ping.args" has no JSON Schema at 0: strict mode: unknown keyword: "tpye"',
    ],
    [
      'an event of the protocol',
      `${HEAD}${NAMESPACE}    events:\n      presence:list: { allow: true, to: nothing }\n`,
      '"namespaces./news.events.presence:list" is answered by the gateway',
    ],
    ['what is no YAML', `${HEAD}namespaces: [\n`, 'is no YAML'],
    ['a key twice', `${HEAD}issuer: b\n${NAMESPACE}`, '8:1: is no YAML: Map keys must be unique'],
    ['nodes without Redis', `nodes: { secret: '\${JWT_SECRET}' }\n${HEAD}${NAMESPACE}`, '1:1: "nodes" needs "redis"'],
    [
      'a control API that nobody could use',
      `control: {}\n${HEAD}${NAMESPACE}`,
      '1:1: "control" has neither "keys" nor "jwt"',
    ],
  ])('%s', (_, source, expected) => {
    const told = mistakesIn(source)
    expect(told.map((line) => line.replace('/etc/portcullis.yaml:', ''))).toContainEqual(
      expect.stringContaining(expected),
    )
    expect(told.every((line) => line.startsWith('/etc/portcullis.yaml:'))).toBe(true)
  })

  it('and never quotes a secret', () => {
    const bad = `${HEAD}redis: { url: '\${DATABASE_URL}' }\npostgres: { url: '\${REDIS_URL}' }\nnamespaces: {}\n`
    const told = mistakesIn(bad).join('\n')
    expect(told).toContain('"redis.url" must be a URL of redis: or rediss:')
    expect(told).not.toMatch(new RegExp(`hunter2|${SECRET}`))
  })
})
