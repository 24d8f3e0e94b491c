/** Against a real authorization server: npm `oidc-provider`. */

import { accessTokenId } from 'portcullis/strategies/access-token'
import { type IntrospectionOptions, introspection } from 'portcullis/strategies/introspection'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { keys, next, outcome, start } from '../harness.ts'
import { bearer, present, refusal } from './introspection-fixtures.ts'
import {
  JWT_RESOURCE,
  KEY_RESOURCE_SERVER,
  type OidcProvider,
  OPAQUE_RESOURCE,
  POST_RESOURCE_SERVER,
  RESOURCE_SCOPES,
  RESOURCE_SERVER,
  startOidcProvider,
} from './oidc-provider.ts'

let oidc: OidcProvider
beforeAll(async () => {
  oidc = await startOidcProvider()
})
afterAll(() => oidc.stop())
afterEach(() => vi.useRealTimers())

const INVALID = 'AUTH_CREDENTIAL_INVALID'

function strategyOf(changes: Partial<IntrospectionOptions> = {}) {
  return introspection({
    endpoint: oidc.introspectionUrl,
    clientId: RESOURCE_SERVER.id,
    clientSecret: RESOURCE_SERVER.secret,
    issuer: oidc.issuer,
    audience: OPAQUE_RESOURCE,
    ...changes,
  } as IntrospectionOptions<{ scope: string; client_id?: string }, 'introspection'>)
}

describe('a token of oidc-provider', () => {
  it('I01: that is active is accepted, for its subject, until its exp', async () => {
    const token = await oidc.userToken({ subject: 'user-7' })
    const now = Date.now() / 1000
    const id = accessTokenId(token)
    const answer = await present(strategyOf({ leaseSeconds: 7200, requireIssuer: true }), token)
    expect(answer).toEqual({
      identity: {
        scheme: 'introspection',
        issuer: oidc.issuer,
        subject: 'user-7',
        claims: { scope: RESOURCE_SCOPES, client_id: 'web' },
      },
      lease: { id, issuedAt: expect.closeTo(now, -1), expiresAt: expect.closeTo(now + 3600, -1) },
      revocableBy: [{ tokenId: id }],
    })
  })

  it('is accepted whichever way this server proves who it is', async () => {
    const token = await oidc.userToken()
    const { id: clientId, secret: clientSecret } = POST_RESOURCE_SERVER
    const clientAuthentication = 'client_secret_post'
    expect(await present(strategyOf({ clientId, clientSecret, clientAuthentication }), token)).not.toBeNull()
    const byKey = introspection({
      endpoint: oidc.introspectionUrl,
      clientId: KEY_RESOURCE_SERVER.id,
      clientAuthentication: 'private_key_jwt',
      clientKey: { ...oidc.privateJwk, alg: 'ES256' },
      issuer: oidc.issuer,
      audience: OPAQUE_RESOURCE,
    })
    expect(await present(byKey, token)).not.toBeNull()
    await refusal(strategyOf({ clientSecret: 'wrong' }), ['AUTH_UNAVAILABLE', 'client_refused'], token)
  })

  it('I01: I08: that was revoked there is refused', async () => {
    const token = await oidc.userToken()
    const strategy = strategyOf()
    expect(await present(strategy, token)).not.toBeNull()
    await oidc.revoke(token)
    await refusal(strategy, [INVALID, 'inactive'], token)
    await refusal(strategy, [INVALID, 'inactive'], 'never-issued')
  })

  it('I01: that has expired is refused, by the server’s clock and by this one', async () => {
    const token = await oidc.userToken({ expiresInSeconds: 60 })
    // This clock is a minute ahead.
    const ahead = { now: () => Date.now() + 60_000, setTimer: () => () => undefined }
    await refusal(strategyOf({ clock: ahead }), ['AUTH_EXPIRED', 'expiry'], token)
    expect(await present(strategyOf(), token)).not.toBeNull()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })
    await refusal(strategyOf(), [INVALID, 'inactive'], token)
  })

  it('I01: for another audience, or for none, is refused', async () => {
    const token = await oidc.userToken()
    await refusal(strategyOf({ audience: JWT_RESOURCE }), [INVALID, 'audience'], token)
    await refusal(strategyOf(), [INVALID, 'audience'], await oidc.userToken({ resource: null }))
    await refusal(strategyOf({ issuer: 'https://other.example' }), [INVALID, 'issuer'], token)
  })

  it('A20: without a scope is refused with AUTH_INSUFFICIENT_SCOPE', async () => {
    const token = await oidc.userToken({ scope: 'chat:read' })
    expect(await present(strategyOf({ scopes: ['chat:read'] }), token)).not.toBeNull()
    await refusal(strategyOf({ scopes: ['chat:write'] }), ['AUTH_INSUFFICIENT_SCOPE', 'scope'], token)
  })

  it('I13: of a client, by the client credentials grant, is refused unless clients are allowed', async () => {
    const token = await oidc.clientToken()
    await refusal(strategyOf(), [INVALID, 'no_user'], token)
    expect((await present(strategyOf({ allowClients: true }), token))?.identity.subject).toBe('web')
  })

  it('I13: that is for refreshing is refused, although the server says that it is active', async () => {
    await refusal(strategyOf(), [INVALID, 'audience'], await oidc.refreshToken())
  })

  it('I14: that is bound to a key is refused as a bearer token', async () => {
    const boundToKey = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I'
    await refusal(strategyOf(), [INVALID, 'token_type'], await oidc.userToken({ boundToKey }))
  })

  it('that is a JWT, which it does not introspect, is refused', async () => {
    const token = await oidc.userToken({ resource: JWT_RESOURCE })
    await refusal(strategyOf({ audience: JWT_RESOURCE }), [INVALID, 'unsupported_token_type'], token)
  })
})

describe('on a real server', () => {
  async function startServer(changes: Partial<IntrospectionOptions> = {}) {
    const strategy = strategyOf(changes)
    const server = await start({ strategies: [strategy as never, keys(new Map())] })
    const chat = server.auth.protect(server.io.of('/chat'), { events: {} })
    const subjects: string[] = []
    chat.on('connection', (socket) => subjects.push(socket.data.identity.subject))
    return { server, strategy, subjects }
  }

  it('I01: a token admits its user; revoked by its id here, it closes the socket, and is refused', async () => {
    const { server, subjects } = await startServer()
    const token = await oidc.userToken()
    const client = server.client('/chat', { auth: { token } })
    expect(await outcome(client)).toBeNull()
    const closed = next(client, 'disconnect')
    expect((await server.auth.revoke({ tokenId: accessTokenId(token) })).closed).toBe(1)
    await closed
    expect((await outcome(server.client('/chat', { auth: { token } })))?.code).toBe('AUTH_REVOKED')
    expect(subjects).toEqual(['user-42'])
    expect(JSON.stringify([server.audit, server.errors])).not.toContain(token)
  })

  it('I08: a token that the authorization server revoked admits nobody, in the header and in auth', async () => {
    const { server, strategy, subjects } = await startServer({ cacheSeconds: 30 })
    const token = await oidc.userToken()
    expect(await outcome(server.client('/chat', { auth: { token } }))).toBeNull()
    await oidc.revoke(token)
    // As long as the answer is remembered, nobody here can know.
    expect(await outcome(server.client('/chat', { auth: { token } }))).toBeNull()
    strategy.purge()
    expect((await outcome(server.client('/chat', { auth: { token } })))?.code).toBe(INVALID)
    const { authorization } = bearer(token).headers
    const { status, body } = await server.get('/socket.io/?EIO=4&transport=polling', {
      authorization: String(authorization),
    })
    expect([status, JSON.parse(body).code]).toEqual([401, INVALID])
    expect(subjects).toEqual(['user-42', 'user-42'])
    expect(JSON.stringify([server.audit, server.errors])).not.toContain(token)
  })

  it('I10: 50 sockets with one token are one question', async () => {
    const { server } = await startServer({ cacheSeconds: 30 })
    const token = await oidc.userToken()
    const path = new URL(oidc.introspectionUrl).pathname
    const before = oidc.requests.get(path) ?? 0
    const outcomes = Array.from({ length: 50 }, () => outcome(server.client('/chat', { auth: { token } })))
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([null]))
    expect((oidc.requests.get(path) ?? 0) - before).toBe(1)
  })
})
