/** Access tokens of a real authorization server, which issues them by RFC 9068. */

import { jwt } from 'portcullis/strategies/jwt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accepted, refused } from './jwt-fixtures.ts'
import { JWT_RESOURCE, type OidcProvider, OPAQUE_RESOURCE, startOidcProvider, WEB_CLIENT } from './oidc-provider.ts'

let oidc: OidcProvider
beforeAll(async () => {
  oidc = await startOidcProvider()
})
afterAll(() => oidc.stop())

const strategyFor = (options: object = {}) =>
  jwt({ issuer: oidc.issuer, audience: JWT_RESOURCE, keys: oidc.jwksUrl, profile: 'at+jwt', ...options })

describe('an access token of oidc-provider', () => {
  it('J24: is accepted by the profile at+jwt, with its subject and jti', async () => {
    const token = await oidc.userToken({ resource: JWT_RESOURCE, subject: 'user-7', scope: 'chat:read' })
    const [header = '', payload = ''] = token.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    expect(JSON.parse(header)).toMatchObject({ alg: 'RS256', typ: 'at+jwt', kid: 'signing-1' })
    const { jti, iat, exp } = JSON.parse(payload)
    expect(await accepted(strategyFor(), token)).toMatchObject({
      identity: { issuer: oidc.issuer, subject: 'user-7', claims: { client_id: WEB_CLIENT.id, scope: 'chat:read' } },
      lease: { id: jti, issuedAt: iat, expiresAt: exp + 5 },
    })
  })

  it('is accepted with the issuer in a map of several', async () => {
    const token = await oidc.userToken({ resource: JWT_RESOURCE })
    const issuers = { [oidc.issuer]: { keys: oidc.jwksUrl }, 'https://b.example': { keys: 'https://b.example/jwks' } }
    const strategy = jwt({ issuers, audience: JWT_RESOURCE, profile: 'at+jwt' })
    expect(await accepted(strategy, token)).toMatchObject({ identity: { issuer: oidc.issuer } })
  })

  it('K05: costs one request for the keys, however many come', async () => {
    const path = new URL(oidc.jwksUrl).pathname
    const before = oidc.requests.get(path) ?? 0
    const token = await oidc.userToken({ resource: JWT_RESOURCE })
    const strategy = strategyFor()
    await Promise.all(Array.from({ length: 100 }, () => accepted(strategy, token)))
    expect(oidc.requests.get(path)).toBe(before + 1)
  })

  it('J23: made for another resource is refused', async () => {
    const token = await oidc.userToken({ resource: JWT_RESOURCE })
    await refused(strategyFor({ audience: OPAQUE_RESOURCE }), token, 'audience')
  })

  it('is refused when it is opaque', async () => {
    await refused(strategyFor(), await oidc.userToken(), 'shape')
    await refused(strategyFor(), await oidc.refreshToken(), 'shape')
  })

  it('I14: bound to a DPoP key is refused as a bearer token', async () => {
    const token = await oidc.userToken({
      resource: JWT_RESOURCE,
      boundToKey: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I',
    })
    await refused(strategyFor(), token, 'confirmation')
    await refused(strategyFor({ profile: undefined }), token, 'confirmation')
  })

  it('of a client without a user names the client as subject, which a schema can refuse', async () => {
    const token = await oidc.clientToken(JWT_RESOURCE)
    expect(await accepted(strategyFor(), token)).toMatchObject({ identity: { subject: WEB_CLIENT.id } })
  })
})

it('J24: an ID token of oidc-provider is refused by the profile', async () => {
  const client = await oidc.provider.Client.find(WEB_CLIENT.id)
  if (client === undefined) throw new Error('the provider lost its client')
  const idToken = new oidc.provider.IdToken({ sub: 'user-42' }, { client } as never)
  const token = await idToken.issue({ use: 'idtoken' })
  await refused(strategyFor({ audience: WEB_CLIENT.id }), token, 'typ')
})
