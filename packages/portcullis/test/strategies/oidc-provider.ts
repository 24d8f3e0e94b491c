/** A real OpenID provider (npm `oidc-provider`) on a free port of 127.0.0.1, with clients, a resource and tokens of every kind. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import Provider, {
  type Adapter,
  type AdapterPayload,
  type ClientMetadata,
  type JWKS,
  type ResourceServer,
} from 'oidc-provider'

/** The resources that the provider issues tokens for, by their indicators (RFC 8707); the audiences are the same. */
export const OPAQUE_RESOURCE = 'https://chat.example/opaque'
export const JWT_RESOURCE = 'https://chat.example/jwt'
export const RESOURCE_SCOPES = 'chat:read chat:write'

/** Stand for what a user's browser or a program uses to get tokens. */
export const WEB_CLIENT = { id: 'web', secret: 'web-secret-4711' } as const
/** Only introspects. Everything in its secret that RFC 6749 section 2.3.1 wants encoded. */
export const RESOURCE_SERVER = { id: 'chat server', secret: 'p:lus+ %c&=/?~*-rs-secret' } as const
export const POST_RESOURCE_SERVER = { id: 'chat-post', secret: 'p:lus+ %c&=-post-secret' } as const
/** Authenticates with a JWT signed by `privateJwk` (RFC 7523). */
export const KEY_RESOURCE_SERVER = { id: 'chat-key' } as const

/** What a token of a user should be; the defaults are a good opaque one. */
export interface UserToken {
  readonly subject?: string
  /** Default `chat:read chat:write`. */
  readonly scope?: string
  /** Default `OPAQUE_RESOURCE`; null for a token without audience. `JWT_RESOURCE` gives a JWT of RFC 9068. */
  readonly resource?: string | null
  readonly expiresInSeconds?: number
  /** SHA-256 thumbprint of the key that a DPoP token is bound to. Default none: a bearer token. */
  readonly boundToKey?: string
}

export interface OidcProvider {
  readonly issuer: string
  readonly jwksUrl: string
  readonly introspectionUrl: string
  readonly provider: Provider
  /** Of `KEY_RESOURCE_SERVER`, ES256. */
  readonly privateJwk: JWK
  /** How many requests came in, by path. */
  readonly requests: ReadonlyMap<string, number>
  /** An access token as the authorization code grant would issue it, made by the provider's own models. */
  userToken(options?: UserToken): Promise<string>
  refreshToken(subject?: string): Promise<string>
  /** By the client credentials grant, over HTTP. */
  clientToken(resource?: string): Promise<string>
  /** By the revocation endpoint (RFC 7009), over HTTP. */
  revoke(token: string): Promise<void>
  stop(): Promise<void>
}

/** @example const oidc = await startOidcProvider(); afterAll(() => oidc.stop()) */
export async function startOidcProvider(): Promise<OidcProvider> {
  // Before the provider is made, because its issuer names the port.
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const signing = await generateKeyPair('RS256', { extractable: true })
  const clientKey = await generateKeyPair('ES256', { extractable: true })
  const signingJwk = { ...(await exportJWK(signing.privateKey)), kid: 'signing-1', alg: 'RS256', use: 'sig' }
  const provider = providerAt(issuer, signingJwk, await exportJWK(clientKey.publicKey))
  const requests = new Map<string, number>()
  const answer = provider.callback()
  server.on('request', (request, response) => {
    const path = request.url ?? ''
    requests.set(path, (requests.get(path) ?? 0) + 1)
    answer(request, response)
  })

  async function post(path: string, form: Readonly<Record<string, string>>): Promise<string> {
    const { id, secret } = WEB_CLIENT
    const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
    const response = await fetch(issuer + path, { method: 'POST', headers, body: new URLSearchParams(form) })
    const body = await response.text()
    if (!response.ok) throw new Error(`${path} answered with status ${response.status}: ${body}`)
    return body
  }

  return {
    issuer,
    jwksUrl: `${issuer}/jwks`,
    introspectionUrl: `${issuer}/token/introspection`,
    provider,
    privateJwk: await exportJWK(clientKey.privateKey),
    requests,
    userToken: (token) => issueUserToken(provider, token),
    refreshToken: (subject) => issueRefreshToken(provider, subject),
    async clientToken(resource = OPAQUE_RESOURCE) {
      const form = { grant_type: 'client_credentials', scope: RESOURCE_SCOPES, resource }
      const { access_token: token } = JSON.parse(await post('/token', form)) as { readonly access_token: string }
      return token
    },
    async revoke(token) {
      await post('/token/revocation', { token })
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function providerAt(issuer: string, signingJwk: JWK, clientJwk: JWK): Provider {
  return new Provider(issuer, {
    adapter: inMemory(),
    jwks: { keys: [signingJwk] } as JWKS,
    clients: clientsWith(clientJwk),
    scopes: ['openid', 'offline_access'],
    ttl: { AccessToken: 3600, ClientCredentials: 3600, RefreshToken: 86_400, Grant: 86_400 },
    findAccount: (_request, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    extraTokenClaims: () => undefined,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_request, resource) => resourceServer(resource),
      },
    },
  })
}

function clientsWith(publicJwk: JWK): ClientMetadata[] {
  const plain = { redirect_uris: [], response_types: [], grant_types: [] }
  const basic = { ...plain, token_endpoint_auth_method: 'client_secret_basic' } as const
  return [
    {
      ...basic,
      client_id: WEB_CLIENT.id,
      client_secret: WEB_CLIENT.secret,
      grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: ['https://app.example/callback'],
    },
    { ...basic, client_id: RESOURCE_SERVER.id, client_secret: RESOURCE_SERVER.secret },
    {
      ...plain,
      client_id: POST_RESOURCE_SERVER.id,
      client_secret: POST_RESOURCE_SERVER.secret,
      token_endpoint_auth_method: 'client_secret_post',
    },
    {
      ...plain,
      client_id: KEY_RESOURCE_SERVER.id,
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ ...publicJwk, kid: 'client-1', use: 'sig', alg: 'ES256' }] } as JWKS,
    },
  ]
}

function resourceServer(resource: string): ResourceServer {
  const accessTokenFormat = resource === JWT_RESOURCE ? 'jwt' : 'opaque'
  return { audience: resource, scope: RESOURCE_SCOPES, accessTokenFormat, jwt: { sign: { alg: 'RS256' } } }
}

async function issueUserToken(provider: Provider, options: UserToken = {}): Promise<string> {
  const { subject = 'user-42', scope = RESOURCE_SCOPES, resource = OPAQUE_RESOURCE } = options
  const { client, grantId } = await granted(provider, subject)
  const token = new provider.AccessToken({
    client,
    accountId: subject,
    grantId,
    gty: 'authorization_code',
    scope,
    ...(resource === null ? {} : { resourceServer: new provider.ResourceServer(resource, resourceServer(resource)) }),
    ...(options.expiresInSeconds === undefined ? {} : { expiresIn: options.expiresInSeconds }),
    ...(options.boundToKey === undefined ? {} : { jkt: options.boundToKey }),
  })
  return token.save()
}

async function issueRefreshToken(provider: Provider, subject = 'user-42'): Promise<string> {
  const { client, grantId } = await granted(provider, subject)
  const gty = 'authorization_code'
  const token = new provider.RefreshToken({ client, accountId: subject, grantId, gty, scope: RESOURCE_SCOPES })
  return token.save()
}

async function granted(provider: Provider, accountId: string) {
  const client = await provider.Client.find(WEB_CLIENT.id)
  if (client === undefined) throw new Error('the provider lost its client')
  const grant = new provider.Grant({ accountId, clientId: WEB_CLIENT.id })
  grant.addOIDCScope('openid')
  return { client, grantId: await grant.save() }
}

/** The provider's own adapter warns that it is for development; what these tests need of one is little. */
function inMemory(): (model: string) => Adapter {
  const kept = new Map<string, AdapterPayload>()
  return (model) => ({
    async upsert(id, payload) {
      kept.set(`${model}:${id}`, payload)
    },
    find: async (id) => kept.get(`${model}:${id}`),
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
    consume: async () => undefined,
    async destroy(id) {
      kept.delete(`${model}:${id}`)
    },
    async revokeByGrantId(grantId) {
      for (const [key, payload] of kept) if (payload.grantId === grantId) kept.delete(key)
    },
  })
}
