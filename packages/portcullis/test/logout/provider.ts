/** A real OpenID provider (npm `oidc-provider`) with back-channel logout, and a browser that logs in and out at it. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, exportJWK, generateKeyPair } from 'jose'
import Provider, { type Adapter, type AdapterPayload, type JWKS } from 'oidc-provider'
import { onCleanup } from '../harness.ts'

export const CLIENT = { id: 'chat', secret: 'the secret of the chat client' } as const
const CALLBACK = 'https://app.example/callback'

export interface LogoutProvider {
  readonly issuer: string
  readonly jwksUrl: string
  /** What became of each logout token that was sent: `success`, or the error's message. */
  readonly sent: string[]
  /** Logs in with a new browser. */
  login(subject: string): Promise<Browser>
}

export interface Browser {
  readonly idToken: string
  readonly sid: string
  /** At the provider, by its RP-initiated logout: resolves when it has answered, and so when the logout tokens were sent. */
  logout(): Promise<void>
}

/** @param logoutUri where the provider posts its logout tokens */
export async function startLogoutProvider(logoutUri: string): Promise<LogoutProvider> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const signingJwk = { ...(await exportJWK(privateKey)), kid: 'signing-1', alg: 'RS256', use: 'sig' }
  const provider = new Provider(issuer, {
    jwks: { keys: [signingJwk] } as JWKS,
    clients: [
      {
        client_id: CLIENT.id,
        client_secret: CLIENT.secret,
        redirect_uris: [CALLBACK],
        backchannel_logout_uri: logoutUri,
        backchannel_logout_session_required: true,
      },
    ],
    scopes: ['openid'],
    cookies: { keys: ['a key for the cookies of this test'] },
    pkce: { required: () => false },
    findAccount: (_request, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: false } },
    adapter: inMemory(),
    // Its dispatcher calls no loopback address.
    fetch: (url, options) => fetch(url, { ...options, dispatcher: undefined } as RequestInit),
    async loadExistingGrant({ oidc }) {
      const grant = new oidc.provider.Grant({ accountId: oidc.session?.accountId, clientId: oidc.client?.clientId })
      grant.addOIDCScope('openid')
      await grant.save()
      return grant
    },
    ttl: { IdToken: 3600, AccessToken: 3600, Session: 3600, Interaction: 600, Grant: 3600 },
  })
  const sent: string[] = []
  provider.on('backchannel.success', () => sent.push('success'))
  provider.on('backchannel.error', (_context, error) => sent.push(error.message))
  const answer = provider.callback()
  server.on('request', async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return answer(request, response)
    // Its login page: everybody is whom the link says.
    const { params } = await provider.interactionDetails(request, response)
    await provider.interactionFinished(request, response, { login: { accountId: String(params.login_hint) } })
  })
  onCleanup(() => {
    server.closeAllConnections()
    server.close()
  })

  return {
    issuer,
    jwksUrl: `${issuer}/jwks`,
    sent,
    async login(subject) {
      const browse = browser(issuer)
      const query = new URLSearchParams({ client_id: CLIENT.id, response_type: 'code', scope: 'openid' })
      query.set('redirect_uri', CALLBACK)
      query.set('login_hint', subject)
      const { url } = await browse(`${issuer}/auth?${query}`)
      const code = new URL(url).searchParams.get('code') ?? ''
      const idToken = await redeemed(issuer, code)
      return {
        idToken,
        sid: String(decodeJwt(idToken).sid),
        async logout() {
          const asked = await browse(`${issuer}/session/end?id_token_hint=${idToken}`)
          const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.text)?.[1] ?? ''
          await browse(`${issuer}/session/end/confirm`, { xsrf, logout: 'yes' })
        },
      }
    },
  }
}

/** Follows redirects at the provider, with cookies, as a browser does. */
function browser(issuer: string) {
  const cookies = new Map<string, string>()
  return async function browse(to: string, form?: Readonly<Record<string, string>>) {
    let url = to
    let body = form === undefined ? undefined : new URLSearchParams(form)
    for (;;) {
      const headers = { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
      const method = body === undefined ? 'GET' : 'POST'
      const response = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        ...(body === undefined ? {} : { body }),
      })
      for (const cookie of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? []
        cookies.set(name, value)
      }
      const text = await response.text()
      const location = response.headers.get('location')
      if (location === null) return { url, text }
      url = new URL(location, url).href
      body = undefined
      if (!url.startsWith(issuer)) return { url, text }
    }
  }
}

async function redeemed(issuer: string, code: string): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${btoa(`${CLIENT.id}:${encodeURIComponent(CLIENT.secret).replaceAll('%20', '+')}`)}`,
    },
    body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: CALLBACK }),
  })
  const answer = (await response.json()) as { readonly id_token?: string }
  if (answer.id_token === undefined) throw new Error(`no ID token: ${JSON.stringify(answer)}`)
  return answer.id_token
}

/** The provider's own adapter warns that it is for development; what these tests need of one is little. */
function inMemory(): (model: string) => Adapter {
  const kept = new Map<string, AdapterPayload>()
  return (model) => ({
    async upsert(id, payload) {
      kept.set(`${model}:${id}`, payload)
    },
    find: async (id) => kept.get(`${model}:${id}`),
    findByUid: async (uid) => [...kept.values()].find((payload) => payload.uid === uid),
    findByUserCode: async () => undefined,
    async consume(id) {
      Object.assign(kept.get(`${model}:${id}`) ?? {}, { consumed: 1 })
    },
    async destroy(id) {
      kept.delete(`${model}:${id}`)
    },
    revokeByGrantId: async () => undefined,
  })
}
