/** The strategies that ask Redis, each with credentials of both kinds and the HTTP request that presents them. */

import { randomBytes } from 'node:crypto'
import { RedisStore } from 'connect-redis'
import { sign } from 'cookie-signature'
import type { Redis } from 'ioredis'
import type { Strategy } from 'portcullis'
import { allowQuery } from 'portcullis/strategies/from'
import { phpSession, phpUserId } from 'portcullis/strategies/php-session'
import { session } from 'portcullis/strategies/session'
import { ticketStoreOfRedis, tickets } from 'portcullis/strategies/ticket'
import { type Attempt, PATH } from './attempt.ts'
import { type Clients, type NodeRedis, recommended } from './redis-clients.ts'

export interface Subject {
  readonly strategy: Strategy
  readonly client: NodeRedis | Redis
  /** A credential of someone new, kept in the store. */
  good(subject: string): Promise<Attempt>
  /** One whose signature or id is wrong, or whose session or ticket nobody ever kept; by turns. */
  bad(): Attempt
}

const SECRET = 'a secret of more than thirty-two bytes, of the tests alone'

type Make = (port: number, clients?: Clients) => Promise<Subject>

export const subjects: Readonly<Record<string, Make>> = {
  'session (connect-redis, node-redis)': async (port, { nodeRedis } = recommended) => {
    const client = await nodeRedis(port)
    const store = new RedisStore({ client })
    let turn = 0
    const attempt = (sid: string, subject: string | null, forged = false) => {
      const signed = forged ? `${sid}.${'A'.repeat(43)}` : sign(sid, SECRET)
      const headers = { cookie: `connect.sid=${encodeURIComponent(`s:${signed}`)}` }
      return { path: PATH, headers, subject, forged, secret: sid }
    }
    return {
      strategy: session({ store, secret: SECRET }),
      client,
      async good(subject) {
        const sid = randomBytes(24).toString('base64url')
        const held = { cookie: { originalMaxAge: null }, passport: { user: subject } }
        await store.set(sid, held as never)
        return attempt(sid, subject)
      },
      bad() {
        const sid = randomBytes(24).toString('base64url')
        turn += 1
        return attempt(sid, null, turn % 2 === 1)
      },
    }
  },
  'phpSession (node-redis)': async (port, { nodeRedis } = recommended) => {
    const client = await nodeRedis(port)
    return phpSubject(client, client.set.bind(client))
  },
  'phpSession (ioredis)': async (port, { ioRedis } = recommended) => {
    const client = await ioRedis(port)
    return phpSubject(client, client.set.bind(client))
  },
  'tickets (ticketStoreOfRedis, node-redis)': async (port, { nodeRedis } = recommended) => {
    const client = await nodeRedis(port)
    const { strategy, issue } = tickets({
      store: ticketStoreOfRedis(client),
      from: [allowQuery('ticket')],
      ttlSeconds: 600,
    })
    const attempt = (ticket: string, subject: string | null) => ({
      path: `${PATH}&ticket=${ticket}`,
      headers: {},
      subject,
      secret: ticket,
    })
    return {
      strategy,
      client,
      async good(subject) {
        return attempt((await issue({ subject })).ticket, subject)
      },
      bad: () => attempt(randomBytes(32).toString('base64url'), null),
    }
  },
}

function phpSubject(client: NodeRedis | Redis, set: (key: string, value: string) => Promise<unknown>): Subject {
  const attempt = (sid: string, subject: string | null) => ({
    path: PATH,
    headers: { cookie: `PHPSESSID=${sid}` },
    subject,
    secret: sid,
  })
  return {
    strategy: phpSession({
      redis: client,
      identify: ({ user_id }) => {
        const subject = phpUserId(user_id)
        return subject === null ? null : { subject }
      },
    }),
    client,
    async good(subject) {
      const sid = randomBytes(16).toString('hex')
      await set(`PHPREDIS_SESSION:${sid}`, `user_id|s:${subject.length}:"${subject}";`)
      return attempt(sid, subject)
    },
    bad: () => attempt(randomBytes(16).toString('hex'), null),
  }
}
