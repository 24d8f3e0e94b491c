import { createServer } from 'node:http'
import express from 'express'
import fastify, { type FastifyRequest } from 'fastify'
import type { Identity, Strategy } from 'portcullis'
import { anonymous } from 'portcullis/strategies/anonymous'
import { memoryTicketStore, ticketStoreOfRedis, tickets } from 'portcullis/strategies/ticket'
import { createClient } from 'redis'
import { expectTypeOf, test } from 'vitest'

test('the claims of a ticket are those of its strategy', () => {
  const { issue, strategy } = tickets<{ org: string }>({ store: memoryTicketStore() })
  expectTypeOf(strategy).toEqualTypeOf<Strategy<Identity<'ticket', { org: string }>>>()
  issue({ subject: 'u1', claims: { org: 'acme' } })
  // @ts-expect-error: no claims
  issue({ subject: 'u1' })
  // @ts-expect-error: other claims
  issue({ subject: 'u1', claims: { org: 7 } })
})

test('without a type argument there are no claims', () => {
  tickets({ store: memoryTicketStore() }).issue({ subject: 'u1' })
})

test('a client of node-redis fits', () => {
  ticketStoreOfRedis(createClient())
})

test('a handler fits its framework, and identify gets its request and gives its claims', () => {
  const { express: forExpress, fastify: forFastify } = tickets<{ org: string }>({ store: memoryTicketStore() })
  express().post(
    '/ticket',
    forExpress({
      identify: (request: express.Request) => {
        expectTypeOf(request.ip).toEqualTypeOf<string | undefined>()
        return { subject: 'u1', claims: { org: 'acme' } }
      },
    }),
  )
  express().post('/ticket', forExpress({ identify: (request) => (request.headers.cookie ? null : null) }))
  fastify().post(
    '/ticket',
    forFastify({
      identify: async (request: FastifyRequest) => {
        expectTypeOf(request.host).toEqualTypeOf<string>()
        return { subject: 'u1', claims: { org: 'acme' } }
      },
    }),
  )
  fastify().post('/ticket', forFastify({ identify: (request) => (request.ip ? null : null) }))
  createServer(forExpress({ identify: () => null }))
  // @ts-expect-error: other claims
  forExpress({ identify: () => ({ subject: 'u1', claims: { org: 7 } }) })
  // @ts-expect-error: nobody is null
  forExpress({ identify: () => false })
  // @ts-expect-error: no such binding
  forFastify({ identify: () => null, bindTo: ['ip'] })
})

test('a visitor is told from a user by its scheme', () => {
  expectTypeOf(anonymous()).toEqualTypeOf<Strategy<Identity<'anonymous', Readonly<Record<string, never>>>>>()
})
