/** Strategies of the file as strategies of the library. */

import { createPublicKey } from 'node:crypto'
import { RedisStore } from 'connect-redis'
import type { Store } from 'express-session'
import type { Identity, Strategy } from 'portcullis'
import { accessToken } from 'portcullis/strategies/access-token'
import { anonymous } from 'portcullis/strategies/anonymous'
import { apiKey } from 'portcullis/strategies/api-key'
import { introspection } from 'portcullis/strategies/introspection'
import { jwt } from 'portcullis/strategies/jwt'
import { laravelSession } from 'portcullis/strategies/laravel-session'
import { phpSession } from 'portcullis/strategies/php-session'
import { session } from 'portcullis/strategies/session'
import { type TicketStore, type Tickets, tickets } from 'portcullis/strategies/ticket'
import { trustedHeaders } from 'portcullis/strategies/trusted-headers'
import type { From, StrategyConfig } from '../config/strategies.ts'
import { compileIdentify } from './identify.ts'
import type { DatabasePool } from './postgres.ts'
import type { RedisClient } from './redis.ts'
import { sourcesOf } from './sources.ts'

/** What strategies ask. Each is null when the file does not configure it; the file is refused when it is needed. */
export interface StrategyMeans {
  readonly redis: RedisClient | null
  readonly pool: DatabasePool | null
  /** Where Express keeps sessions, in place of `redis`; for an application that runs the gateway within itself. */
  readonly sessionStore: Store | null
  /** The strategy that asks the backend. */
  readonly hook: ((config: Extract<StrategyConfig, { use: 'hook' }>, issuer: string) => Strategy) | null
  /** Where tickets wait; the same before and after a reload. */
  readonly ticketStore: TicketStore
}

/** What strategies were made, and who issues the tickets of the one that takes them. */
export interface Strategies {
  readonly strategies: readonly Strategy[]
  readonly tickets: { readonly issuer: string; readonly issue: Tickets<object, string>['issue'] } | null
}

/**
 * @param wrong makes the error for one strategy of the list
 * @throws what `wrong` makes
 */
export function makeStrategies(
  configs: readonly StrategyConfig[],
  defaultIssuer: string | undefined,
  means: StrategyMeans,
  wrong: (index: number, message: string) => Error,
): Strategies {
  let issued: Strategies['tickets'] = null
  const strategies = configs.map((config, index): Strategy => {
    try {
      const made = makeStrategy(config, defaultIssuer ?? '', means)
      if ('issue' in made) {
        issued = { issuer: made.issuer, issue: made.issue }
        return made.strategy
      }
      return made
    } catch (error) {
      if (!(error instanceof TypeError) && !/Mistake$/.test((error as Error).name)) throw error
      throw wrong(index, (error as Error).message)
    }
  })
  return { strategies, tickets: issued }
}

type Made =
  | Strategy
  | { readonly strategy: Strategy; readonly issuer: string; readonly issue: Tickets<object, string>['issue'] }

function makeStrategy(config: StrategyConfig, defaultIssuer: string, means: StrategyMeans): Made {
  // Options of the file that are left out are not given: the library then has its own defaults.
  const { use, ...given } = config
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never
  const issuer = 'issuer' in config && config.issuer !== undefined ? config.issuer : defaultIssuer
  const { from, identify, cookie, ...rest } = options as {
    from?: From
    identify?: Parameters<typeof compileIdentify>[0]
    cookie?: string
  } & Record<string, never>
  const sources = from === undefined ? {} : { from: sourcesOf(from) }
  const named = cookie === undefined ? {} : { name: cookie }

  switch (use) {
    case 'jwt': {
      const { jwks, secret, publicKey, ...others } = rest as unknown as Extract<StrategyConfig, { use: 'jwt' }>
      const keys =
        jwks ??
        (secret === undefined ? createPublicKey(publicKey ?? '') : [secret].flat().map((each) => Buffer.from(each)))
      return jwt({ ...(others as object), ...sources, keys } as unknown as Parameters<typeof jwt>[0]) as Strategy
    }
    case 'session': {
      const { prefix, ...others } = rest as { prefix?: string }
      const store = means.sessionStore ?? new RedisStore({ client: needed(means.redis), prefix: prefix ?? 'sess:' })
      const { secret } = config
      return session({
        ...others,
        ...named,
        store,
        secret,
        issuer,
        identify: compileIdentify(config.identify, 'session'),
      }) as Strategy
    }
    case 'php-session': {
      const { format, ...others } = rest as { format?: string }
      const handler = format === undefined ? {} : { handler: format as 'php' }
      return phpSession({
        ...others,
        ...named,
        ...handler,
        redis: needed(means.redis) as never,
        issuer,
        identify: compileIdentify(config.identify, 'session'),
      }) as Strategy
    }
    case 'laravel-session':
      return laravelSession({ ...rest, ...named, redis: needed(means.redis), issuer } as unknown as Parameters<
        typeof laravelSession
      >[0]) as Strategy
    case 'access-token': {
      const found = identify === undefined ? {} : { identify: compileIdentify(identify, 'row') }
      return accessToken({ ...rest, ...sources, ...found, pool: needed(means.pool), issuer } as Parameters<
        typeof accessToken
      >[0]) as Strategy
    }
    case 'introspection':
      return introspection({ ...rest, ...sources, issuer } as unknown as Parameters<
        typeof introspection
      >[0]) as Strategy
    case 'api-key': {
      const { query, ...others } = rest as { query?: string }
      return apiKey({ ...others, issuer, find: keyFinder(needed(means.pool), query ?? '') }) as Strategy
    }
    case 'trusted-headers':
      return trustedHeaders({ ...rest, issuer } as unknown as Parameters<
        typeof trustedHeaders
      >[0]) as unknown as Strategy
    case 'ticket': {
      const made = tickets<object>({ ...rest, issuer, store: means.ticketStore })
      return { strategy: made.strategy as Strategy, issuer, issue: made.issue as never }
    }
    case 'hook':
      return needed(means.hook)(config, issuer)
    case 'anonymous':
      return anonymous(rest) as Strategy
  }
}

/** The record of an API key, from the columns hash, subject and, where they are there, claims, issued_at and expires_at. */
function keyFinder(pool: DatabasePool, text: string) {
  return async (prefix: string) => {
    const { rows } = await pool.query({ text, values: [prefix] })
    const [row] = rows as readonly Record<string, unknown>[]
    if (row === undefined) return null
    const { hash, subject, claims, issued_at: issuedAt, expires_at: expiresAt } = row
    return {
      hash: String(hash),
      subject: String(subject),
      claims: (typeof claims === 'object' && claims !== null ? claims : {}) as Identity['claims'],
      ...(issuedAt === undefined || issuedAt === null ? {} : { issuedAt: secondsOf(issuedAt) }),
      expiresAt: expiresAt === undefined || expiresAt === null ? null : secondsOf(expiresAt),
    }
  }
}

function secondsOf(value: unknown): number {
  return value instanceof Date ? value.getTime() / 1000 : Number(value)
}

/** The file was checked: what a strategy needs is configured. */
function needed<T>(value: T | null): T {
  if (value === null) throw new TypeError('needs something that is not configured')
  return value
}
