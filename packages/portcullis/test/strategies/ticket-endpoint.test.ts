import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, { type RequestHandler } from 'express'
import fastify from 'fastify'
import { AuthError } from 'portcullis'
import {
  memoryTicketStore,
  type TicketClaim,
  type TicketEndpointOptions,
  type TicketOptions,
  tickets,
} from 'portcullis/strategies/ticket'
import { fakeClock } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { onCleanup } from '../harness.ts'
import { countingStore } from './ticket-fixtures.ts'

interface Seen {
  readonly headers: Readonly<Record<string, unknown>>
}
type Options = TicketEndpointOptions<Seen, unknown>

const PAGE = 'https://app.example'
const REFUSALS = {
  AUTH_CREDENTIAL_MISSING: [401, 'No credential was presented.', 'refresh'],
  AUTH_CREDENTIAL_INVALID: [401, 'The credential was not accepted.', 'refresh'],
  AUTH_ORIGIN_REFUSED: [403, 'Connections from this origin are not permitted.', 'never'],
  AUTH_ARGUMENTS_INVALID: [405, 'The arguments do not fit what is expected.', 'never'],
  AUTH_RATE_LIMITED: [429, 'Too many attempts. Wait before trying again.', 'backoff'],
  AUTH_UNAVAILABLE: [503, 'The credential could not be checked now. Try again later.', 'backoff'],
  AUTH_ERROR: [500, 'The server failed to decide.', 'never'],
} as const

/** As an application would: whoever says so in a header is logged in. */
const identify = ({ headers }: Seen): TicketClaim<unknown> | null =>
  typeof headers['x-user'] === 'string' ? { subject: headers['x-user'] } : null

function issuing(options: Partial<TicketOptions<'ticket'>> = {}) {
  const store = countingStore(memoryTicketStore())
  return { store, made: tickets<unknown>({ store, ...options }) }
}
type Made = ReturnType<typeof issuing>['made']

async function listening(server: Server): Promise<string> {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/ticket`
}

const frameworks: Readonly<Record<string, (made: Made, options: Options) => Promise<string>>> = {
  'Express 5': (made, options) => {
    const app = express()
    app.all('/ticket', made.express(options) as RequestHandler)
    return listening(createServer(app))
  },
  'Fastify 5': async (made, options) => {
    const app = fastify()
    app.all('/ticket', made.fastify(options))
    onCleanup(() => app.close())
    await app.listen({ host: '127.0.0.1', port: 0 })
    return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/ticket`
  },
  'node:http': (made, options) => listening(createServer(made.express(options))),
}

async function ask(url: string, headers: Record<string, string> = {}, method = 'POST') {
  const response = await fetch(url, { method, headers: { origin: PAGE, 'x-user': 'u1', ...headers } })
  const text = await response.text()
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
}

async function refused(answer: Promise<{ status: number; body: unknown }>, code: keyof typeof REFUSALS): Promise<void> {
  const [status, message, retry] = REFUSALS[code]
  const { status: given, body } = await answer
  expect([given, body]).toEqual([status, { code, message, retry }])
}

const bound = (value = '{}') => {
  const { subject, origin, address, userAgent, session } = JSON.parse(value)
  return { subject, origin, address, userAgent, session }
}

for (const [name, serve] of Object.entries(frameworks)) {
  const open = async (options: Partial<Options> = {}, ticketOptions: Partial<TicketOptions<'ticket'>> = {}) => {
    const { store, made } = issuing(ticketOptions)
    const errors: unknown[] = []
    const all = { identify, origins: [PAGE], onError: (error: unknown) => errors.push(error), ...options }
    return { store, errors, url: await serve(made, all) }
  }

  describe(`P3: with ${name}, a request for a ticket`, () => {
    test('of somebody who is logged in is answered with one, bound to the page’s origin', async () => {
      const { url, store, errors } = await open()
      const { status, body } = await ask(url)
      expect([status, body]).toEqual([200, { ticket: expect.stringMatching(/^[\w-]{43}$/), expiresInSeconds: 30 }])
      const nothing = { address: null, userAgent: null, session: null }
      expect(store.held.map(({ value }) => bound(value))).toEqual([{ subject: 'u1', origin: PAGE, ...nothing }])
      expect(errors).toEqual([])
    })

    test('of nobody is refused with AUTH_CREDENTIAL_MISSING and a challenge', async () => {
      const { url, store } = await open({ identify: async () => null })
      await refused(ask(url), 'AUTH_CREDENTIAL_MISSING')
      expect((await ask(url)).headers.get('www-authenticate')).toBe('Bearer')
      expect(store.held).toEqual([])
    })

    test('by another method than POST is answered 405 with Allow, and nobody is asked who it is', async () => {
      const asked: unknown[] = []
      const nobody = (request: Seen) => {
        asked.push(request)
        return null
      }
      const { url } = await open({ identify: nobody })
      for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
        const answer = ask(url, {}, method)
        await refused(answer, 'AUTH_ARGUMENTS_INVALID')
        expect((await answer).headers.get('allow')).toBe('POST')
      }
      expect(asked).toEqual([])
    })

    test('T11: of another page is refused with AUTH_ORIGIN_REFUSED, before anybody is asked who it is', async () => {
      const asked: unknown[] = []
      const everybody = (request: Seen) => {
        asked.push(request)
        return { subject: 'u1' }
      }
      const { url, store } = await open({ identify: everybody })
      const { host } = new URL(url)
      const pages: Record<string, string>[] = [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: 'null', 'sec-fetch-site': 'same-origin' },
        { origin: `${PAGE}.evil.example` },
        { origin: PAGE.toUpperCase() },
        { origin: `https://${host}` },
        { origin: `http://${host}`, 'sec-fetch-site': 'cross-site' },
        { origin: `http://${host}`, 'sec-fetch-site': 'same-site' },
      ]
      for (const headers of pages) await refused(ask(url, headers), 'AUTH_ORIGIN_REFUSED')
      const without = await fetch(url, { method: 'POST', headers: { 'sec-fetch-site': 'same-origin' } })
      expect(without.status).toBe(403)
      expect([asked, store.held]).toEqual([[], []])
    })

    test('T11: of the server’s own page is answered, by its host or by what the browser says', async () => {
      const { url, store } = await open({ origins: [] })
      const own = new URL(url).origin
      expect((await ask(url, { origin: own })).status).toBe(200)
      expect((await ask(url, { origin: own, 'sec-fetch-site': 'same-origin' })).status).toBe(200)
      expect((await ask(url, { 'sec-fetch-site': 'same-origin' })).status).toBe(200)
      await refused(ask(url), 'AUTH_ORIGIN_REFUSED')
      expect(store.held.map(({ value }) => bound(value).origin)).toEqual([own, own, PAGE])
    })

    test('T05: is bound to what bindTo says, whatever identify says', async () => {
      const { url, store } = await open({
        bindTo: ['address', 'userAgent'],
        identify: () => ({ subject: 'u1', address: '192.0.2.1', userAgent: 'another' }),
      })
      await ask(url, { 'user-agent': 'Agent/1' })
      const [held] = store.held.map(({ value }) => bound(value))
      expect(held).toEqual({
        subject: 'u1',
        origin: null,
        address: '127.0.0.1',
        userAgent: expect.stringMatching(/^[\w-]{43}$/),
        session: null,
      })
      const free = await open({ bindTo: [] })
      await ask(free.url)
      expect(free.store.held.map(({ value }) => bound(value).origin)).toEqual([null])
    })

    test('T11: is bound to the cookie of its session, and refused without one', async () => {
      const { url, store } = await open({ sessionCookie: 'connect.sid' })
      expect((await ask(url, { cookie: 'a=b; connect.sid=s%3Aid.sig' })).status).toBe(200)
      expect(store.held.map(({ value }) => bound(value).session)).toEqual([
        { cookie: 'connect.sid', digest: expect.stringMatching(/^[\w-]{43}$/) },
      ])
      for (const cookie of ['other=x', 'connect.sid=']) await refused(ask(url, { cookie }), 'AUTH_CREDENTIAL_MISSING')
      await refused(ask(url, { cookie: `connect.sid=${'x'.repeat(8193)}` }), 'AUTH_CREDENTIAL_INVALID')
      expect(store.held).toHaveLength(1)
    })

    test('T09: while the store does not answer is refused with AUTH_UNAVAILABLE and Retry-After', async () => {
      const failure = new Error('redis://secret@db')
      const fail = () => Promise.reject(failure)
      const { url, errors } = await open({}, { store: { set: fail, take: fail } })
      const answer = ask(url)
      await refused(answer, 'AUTH_UNAVAILABLE')
      expect((await answer).headers.get('retry-after')).toBe('1')
      expect(errors).toMatchObject([{ code: 'AUTH_UNAVAILABLE', reason: 'store_failed', cause: failure }])
    })

    test('Z01: for which identify throws or answers no claim is AUTH_ERROR, and shows nothing of it', async () => {
      const failure = new Error('postgres://user:secret@db/app')
      const fail = () => {
        throw failure
      }
      const answers: Options['identify'][] = [fail, () => Promise.reject(failure), () => Promise.reject(undefined)]
      for (const none of [undefined, true, 'u1', 7, {}, { subject: 7 }, { subject: '' }, []]) {
        answers.push(() => none as never)
      }
      answers.push(() => ({ subject: 'u1', issuedAt: Number.NaN }))
      for (const each of answers) {
        const { url, errors } = await open({ identify: each })
        await refused(ask(url), 'AUTH_ERROR')
        expect(errors).toMatchObject([{ code: 'AUTH_ERROR', reason: 'ticket_issue' }])
      }
      const throwing = await open({ identify: fail, onError: fail })
      await refused(ask(throwing.url), 'AUTH_ERROR')
    })

    test('for which identify throws an AuthError is answered with its code', async () => {
      const limited = () => Promise.reject(new AuthError('AUTH_RATE_LIMITED', { retryAfterSeconds: 9 }))
      const { url, errors } = await open({ identify: limited })
      const answer = ask(url)
      await refused(answer, 'AUTH_RATE_LIMITED')
      expect((await answer).headers.get('retry-after')).toBe('9')
      expect(errors).toEqual([])
    })

    test('for which identify does not answer in time is AUTH_UNAVAILABLE, and no timer is left', async () => {
      const clock = fakeClock()
      let reached = () => {}
      const asking = new Promise<void>((resolve) => {
        reached = resolve
      })
      const { url, errors } = await open({ identify: () => new Promise(() => reached()) }, { clock })
      const answer = ask(url)
      await asking
      await clock.advance(999)
      expect(errors).toEqual([])
      await clock.advance(1)
      await refused(answer, 'AUTH_UNAVAILABLE')
      expect(errors).toMatchObject([{ reason: 'identify_timeout' }])
      const quick = await open({}, { clock })
      expect((await ask(quick.url)).status).toBe(200)
      expect(clock.pending).toBe(0)
    })

    test('Z06: is of nobody though the prototype is polluted', async () => {
      const { url, store } = await open({ identify: () => ({}) as never })
      const prototype = Object.prototype as unknown as Record<string, unknown>
      try {
        prototype.subject = 'admin'
        await refused(ask(url), 'AUTH_ERROR')
      } finally {
        delete prototype.subject
      }
      expect(store.held).toEqual([])
    })
  })
}

describe('a request that somebody else has answered already', () => {
  test('is left alone', async () => {
    const { made } = issuing()
    const outcomes: unknown[] = []
    const endpoint = made.express({ identify, origins: [PAGE], onError: (error) => outcomes.push(error) })
    const url = await listening(
      createServer((request, response) => {
        response.writeHead(418, { 'cache-control': 'no-store' }).end('{}')
        endpoint(request, response).then(
          () => outcomes.push('resolved'),
          (error) => outcomes.push(error),
        )
      }),
    )
    expect((await fetch(url, { method: 'POST', headers: { origin: PAGE, 'x-user': 'u1' } })).status).toBe(418)
    await expect.poll(() => outcomes).toEqual(['resolved'])
  })

  test('and one whose answer cannot be written is not left hanging', async () => {
    const { made } = issuing()
    const errors: unknown[] = []
    const endpoint = made.express({ identify, origins: [PAGE], onError: (error) => errors.push(error) })
    const failure = new Error('cannot write')
    const url = await listening(
      createServer((request, response) => {
        response.writeHead = () => {
          throw failure
        }
        endpoint(request, response)
      }),
    )
    await expect(fetch(url, { method: 'POST', headers: { origin: PAGE, 'x-user': 'u1' } })).rejects.toThrow()
    expect(errors).toEqual([failure])
  })

  test('keeps the headers that a plug-in has set, such as those of CORS', async () => {
    const { made } = issuing()
    const app = fastify()
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('access-control-allow-origin', PAGE)
    })
    app.post('/ticket', made.fastify({ identify, origins: [PAGE] }))
    onCleanup(() => app.close())
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { headers, status } = await ask(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}/ticket`)
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, PAGE])
  })
})

describe('Z10: bad options of a handler throw a TypeError at once that quotes the option', () => {
  const bad: Readonly<Record<string, Record<string, unknown>>> = {
    '"identify"': { identify: null },
    '"origins"': { origins: ['https://app.example/'] },
    '"origins" must': { origins: PAGE },
    '"bindTo"': { bindTo: ['ip'] },
    '"bindTo" must': { bindTo: 'origin' },
    '"sessionCookie"': { sessionCookie: '' },
    '"identifyTimeoutMs"': { identifyTimeoutMs: 2 ** 31 },
    '"onError"': { onError: true },
    '"origin" is not an option': { origin: PAGE },
  }
  for (const [message, options] of Object.entries(bad)) {
    test(message, () => {
      const { made } = issuing()
      const wrong = { identify, ...options } as never
      for (const make of [() => made.express(wrong), () => made.fastify(wrong)]) {
        expect(make).toThrow(TypeError)
        expect(make).toThrow(message)
      }
    })
  }
})
