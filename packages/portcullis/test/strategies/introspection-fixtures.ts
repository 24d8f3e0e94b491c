/** An introspection endpoint whose every answer a test sets, by hand, and what tests ask of the strategy. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { AuthError, type AuthErrorCode, type Strategy } from 'portcullis'
import { type IntrospectionOptions, introspection } from 'portcullis/strategies/introspection'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'
import { planted } from '../planted.ts'

export const ISSUER = 'https://login.example'
export const AUDIENCE = 'https://chat.example'
export const CLIENT_ID = 'chat-server'
export const CLIENT_SECRET = planted('introspection-client-secret')
export const TOKEN = '2YotnFZFEjr1zCsicMWpAA'
/** When `fakeClock` begins, epoch seconds. */
export const NOW: number = fakeClock().now() / 1000

/** The members of a good answer, with changes; a change to undefined leaves the member out. */
export function active(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    active: true,
    sub: 'user-42',
    client_id: 'web',
    scope: 'chat:read chat:write',
    token_type: 'Bearer',
    iss: ISSUER,
    aud: AUDIENCE,
    iat: NOW - 60,
    exp: NOW + 600,
    jti: 'token-7',
    ...changes,
  }
}

/** A request as the endpoint got it. */
export interface Asked {
  readonly method: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly form: URLSearchParams
}

export type Respond = (asked: Asked, response: ServerResponse) => unknown

export interface TestEndpoint {
  /** Answered to every question; set anew for each test to a good answer. An object is sent as JSON. */
  answer: Respond | object
  readonly asked: Asked[]
  readonly url: string
  /** A strategy that asks here, by a clock that stands at `NOW`. */
  strategy<Claims = { scope: string; client_id?: string }>(
    changes?: Partial<IntrospectionOptions<Claims>>,
  ): ReturnType<typeof introspection<Claims>>
}

/** Started before the tests of the file, stopped after them. */
export function useEndpoint(): TestEndpoint {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('latin1')) body += chunk
    const question = { method: request.method, headers: request.headers, form: new URLSearchParams(body) }
    asked.push(question)
    const { answer } = endpoint
    if (typeof answer === 'function') await answer(question, response)
    else json(answer)(question, response)
  })
  let url = ''
  const endpoint: TestEndpoint = {
    answer: active(),
    asked,
    get url() {
      return url
    },
    strategy<Claims>(changes: Partial<IntrospectionOptions<Claims>> = {}) {
      // The union of secret and key is the tests' own business here.
      return introspection<Claims>({
        endpoint: url,
        clientId: CLIENT_ID,
        clientSecret: CLIENT_SECRET,
        issuer: ISSUER,
        audience: AUDIENCE,
        clock: fakeClock(),
        ...changes,
      } as IntrospectionOptions<Claims, 'introspection'>)
    },
  }
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`
  })
  beforeEach(() => {
    endpoint.answer = active()
    asked.length = 0
  })
  afterAll(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return endpoint
}

export function json(value: unknown, status = 200): Respond {
  return raw(JSON.stringify(value), status)
}

export function raw(body: string | Uint8Array, status = 200, headers: Record<string, string> = {}): Respond {
  return (_asked, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  }
}

export function bearer(token: string = TOKEN) {
  return handshakeOf({ headers: { authorization: `Bearer ${token}` } })
}

export function present(strategy: Strategy, token: string = TOKEN) {
  return strategy.authenticate(bearer(token), null)
}

/** The error with which the strategy refuses: its code, its reason, and neither token nor secret anywhere in its text. */
export async function refusal(
  strategy: Strategy,
  [code, reason]: readonly [AuthErrorCode, string],
  token: string = TOKEN,
): Promise<AuthError> {
  const outcome: unknown = await strategy
    .authenticate(handshakeOf(), { namespace: '/', auth: { token } })
    .catch((error: unknown) => error)
  if (!AuthError.is(outcome)) throw new Error(`not refused: ${inspect(outcome)}`)
  expect([outcome.code, outcome.reason]).toEqual([code, reason])
  expectHidden(`${inspect(outcome, { depth: 8, showHidden: true })}\n${JSON.stringify(outcome)}`, [token])
  return outcome
}

/** Neither this server's secret, however encoded, nor one of `more`. */
export function expectHidden(shown: string, more: readonly string[] = []): void {
  const pair = Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')
  for (const value of [CLIENT_SECRET, pair, ...more.filter((text) => text.length > 7)]) {
    expect(shown.includes(value)).toBe(false)
  }
}
