/** A21: a role is a whole word of a list of strings, whatever shape a claim has. */

import { createSecretKey, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { createAuth, type Identity, requireScope } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { ORIGIN, onCleanup, outcome, start } from '../harness.ts'

const ISSUER = 'https://id.example'

/** Each of them holds `admin` in some way, and none is the role. */
const CONFUSING: [string, unknown][] = [
  ['a string that contains it', 'superadmin'],
  ['a string that begins with it', 'admin2 admin-of-nothing admin:*'],
  ['a string with another separator', 'user,admin'],
  ['a string with a tab', 'user\tadmin'],
  ['a string with another case', 'Admin ADMIN'],
  ['a list of a longer one', ['superadmin']],
  ['a list of one string of two', ['user admin']],
  ['a list in a list', [['admin']]],
  ['a list of an object', [{ toString: 'admin', admin: true }]],
  ['an object', { admin: true }],
  ['an object like a list', { 0: 'admin', length: 1, includes: true }],
  ['true', true],
  ['a number', 1],
  ['null', null],
]

describe('A21: the scope `admin`', () => {
  const rule = requireScope('admin')
  const decide = (scope: unknown, claims: object = { scope }) =>
    rule({
      identity: { scheme: 'x', issuer: ISSUER, subject: 's', claims } as Identity<string, { scope: string }>,
      lease: { id: 'l', issuedAt: 0, expiresAt: null },
      namespace: '/',
    })

  it.each(CONFUSING)('is not in %s', (_name, scope) => {
    expect(decide(scope)).toEqual({ effect: 'deny', code: 'AUTH_INSUFFICIENT_SCOPE' })
  })

  it.each([
    ['a list', ['user', 'admin']],
    ['words', 'user admin'],
  ])('is in %s', (_name, scope) => {
    expect(decide(scope)).toMatchObject({ effect: 'permit' })
  })

  it('is in no claim of another name, and not on a prototype', () => {
    expect(decide(null, { roles: ['admin'], scopes: 'admin', scp: ['admin'] })).toMatchObject({ effect: 'deny' })
    expect(decide(null, Object.create({ scope: 'admin' }))).toMatchObject({ effect: 'deny' })
  })
})

describe('A21: roles that a token claims', () => {
  const secret = createSecretKey(randomBytes(32))
  const sign = (roles: unknown) =>
    new SignJWT({ roles } as object as Record<string, never>)
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
      .setIssuer(ISSUER)
      .setAudience('chat')
      .setSubject('alice')
      .setJti(randomBytes(8).toString('hex'))
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(secret)

  /** As an application might write it: right for a list, and wrong for a string, if one ever came so far. */
  async function protectedServer() {
    const server = await start({ limits: { failuresPerMinute: Number.POSITIVE_INFINITY } })
    const auth = createAuth({
      origins: [ORIGIN],
      limits: { failuresPerMinute: Number.POSITIVE_INFINITY },
      strategies: [
        jwt({ issuer: ISSUER, audience: 'chat', keys: secret, claims: z.object({ roles: z.array(z.string()) }) }),
      ],
    })
    onCleanup(() => auth.close())
    auth.protect(server.io.of('/chat'), {
      events: {
        ban: ({ identity }) =>
          identity.claims.roles.includes('admin')
            ? { effect: 'permit', expiresAt: null }
            : { effect: 'deny', code: 'AUTH_FORBIDDEN' },
      },
    })
    server.io.of('/chat').on('connection', (socket) => socket.on('ban', (ack) => ack('banned')))
    return server
  }

  it('are a list of strings, or the token is none: a rule never sees "superadmin".includes("admin")', async () => {
    const server = await protectedServer()
    for (const [name, roles] of CONFUSING) {
      const client = server.client('/chat', { auth: { token: await sign(roles) } })
      const refusal = await outcome(client)
      const isList = Array.isArray(roles) && roles.every((role) => typeof role === 'string')
      expect([name, refusal?.code]).toEqual([name, isList ? undefined : 'AUTH_CREDENTIAL_INVALID'])
      if (isList) expect(await client.emitWithAck('ban')).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
      client.disconnect()
    }
    const admin = server.client('/chat', { auth: { token: await sign(['user', 'admin']) } })
    expect(await outcome(admin)).toBe(null)
    expect(await admin.emitWithAck('ban')).toBe('banned')
  })
})
