import { existsSync, readFileSync } from 'node:fs'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import expressSession from 'express-session'
import { AuthError } from 'portcullis'
import { session } from 'portcullis/strategies/session'
import { describe, expect, test } from 'vitest'
import { OLD_SECRET, refusal, SECRET, SID, signed, storeOf, withHeader } from './session-fixtures.ts'

const OTHER = 'ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ'

/** The session id for which our strategy asks its store, or null. Any id goes, so that only the reading is compared. */
function ours(secret: readonly string[]): (cookie: string) => Promise<string | null> {
  const store = storeOf(undefined)
  const strategy = session({ store, secret, sessionIdPattern: /[\s\S]+/ })
  return async (cookie) => {
    store.asked.length = 0
    await strategy.authenticate(withHeader(cookie), null).catch((error: unknown) => {
      if (!AuthError.is(error)) throw error
    })
    return store.asked[0] ?? null
  }
}

/** The session id for which the real express-session asks its store, or null. */
function theirSid(cookie: string, secret: string[]): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const store = new (class extends expressSession.MemoryStore {
      asked: string | null = null
      override get(sid: string, callback: (error: unknown, session?: null) => void) {
        this.asked = sid
        callback(null, null)
      }
    })()
    const request = new IncomingMessage(new Socket())
    Object.assign(request, { url: '/', headers: { cookie } })
    const read = expressSession({ store, secret, resave: false, saveUninitialized: false })
    const next = (error?: unknown) => (error === undefined ? resolve(store.asked) : reject(error as Error))
    Reflect.apply(read, undefined, [request, new ServerResponse(request), next])
  })
}

interface Vectors {
  readonly secrets: string[]
  readonly vectors: readonly { case: string; cookie_header: string; express_session_sid: string | null }[]
}

const file = fileURLToPath(
  new URL('../../../../../shared/vectors/express-session/cookie_headers.json', import.meta.url),
)
const present = existsSync(file)
if (!present) console.warn('skipped: the cookie vectors of express-session are not beside this repository')

describe.runIf(present)('S01: the recorded cookie headers', () => {
  const { secrets, vectors }: Vectors = present ? JSON.parse(readFileSync(file, 'utf8')) : { secrets: [], vectors: [] }

  const ourSid = present ? ours(secrets) : ours([SECRET])

  test('are all there', () => {
    expect(vectors).toHaveLength(50)
  })

  for (const { case: name, cookie_header, express_session_sid } of vectors) {
    test(`${name}: the same session as express-session, or none`, async () => {
      expect(await ourSid(cookie_header)).toBe(express_session_sid)
      expect(await theirSid(cookie_header, secrets)).toBe(express_session_sid)
    })
  }
})

/** Deterministic, so that a failure can be repeated (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

/** A header put together from what real and forged headers are made of, then perhaps damaged. */
function cookieHeader(below: (n: number) => number): string {
  const mostly = (usual: string, ...rare: string[]) => (below(3) > 0 ? usual : (rare[below(rare.length)] ?? usual))
  const value = () => {
    const sid = mostly(SID, OTHER, 'a.b.c', '', 'ünï', 'a\0b', '*', 'x'.repeat(300))
    const text = signed(sid, mostly(SECRET, OLD_SECRET, OLD_SECRET, 'unknown'))
    const escaped = mostly(encodeURIComponent(text), text, escape(text), encodeURIComponent(encodeURIComponent(text)))
    return mostly(escaped, `"${escaped}"`, `"${escaped}`, `${escaped}=`, ` ${escaped}\t`, '"', '', 's:', '%')
  }
  const cookie = () => {
    const name = mostly('connect.sid', ' connect.sid\t', 'Connect.Sid', '__proto__', 'a', '')
    return name + mostly('=', '==', ' = ', '') + value()
  }
  let header = Array.from({ length: 1 + below(4) }, cookie).join(mostly('; ', ';', ';\t', ', ', ';;'))
  for (let left = below(6) - 3; left > 0; left -= 1) {
    const at = below(header.length + 1)
    const inserted = mostly('', '%', '"', ';', '=', ' ', '\t', '.', 's:', '\u00ff', '%00', '+')
    header = header.slice(0, at) + inserted + header.slice(at + below(3))
  }
  return header
}

test('S01: random and damaged headers give the same session as the real express-session, or none', async () => {
  const secrets = [SECRET, OLD_SECRET]
  const ourSid = ours(secrets)
  const below = random(20_260_101)
  let found = 0
  for (let i = 0; i < 5000; i += 1) {
    const header = cookieHeader(below)
    const theirs = await theirSid(header, [...secrets])
    expect(await ourSid(header), JSON.stringify(header)).toBe(theirs)
    if (theirs !== null) found += 1
  }
  // Neither all nor nothing, or the comparison would say little.
  expect(found).toBeGreaterThan(1000)
  expect(found).toBeLessThan(4000)
})

describe('among several cookies', () => {
  const good = `connect.sid=${signed(SID)}`
  const strategyOver = () => {
    const store = storeOf({ passport: { user: 'u1' } })
    return { store, strategy: session({ store, secret: SECRET }) }
  }

  test('S04: the first of that name decides, never any that verifies', async () => {
    const { store, strategy } = strategyOver()
    await strategy.authenticate(withHeader(`${good}; connect.sid=${signed(OTHER)}`), null)
    expect(store.asked).toEqual([SID])
    for (const first of ['garbage', '', signed(SID, 'unknown')]) {
      const header = withHeader(`connect.sid=${first}; ${good}`)
      await refusal(strategy, header, ['AUTH_CREDENTIAL_INVALID', 'signature'])
    }
    expect(store.asked).toEqual([SID])
  })

  test('S07: five hundred others and prototype names change nothing', async () => {
    const { store, strategy } = strategyOver()
    const many = Array.from({ length: 500 }, (_, i) => `c${i}=${'v'.repeat(16)}`).join('; ')
    expect(await strategy.authenticate(withHeader(`${many}; __proto__=1; constructor=2; ${good}`), null)).not.toBeNull()
    expect(store.asked).toEqual([SID])
    expect(Object.prototype).not.toHaveProperty('1')
  })

  test('S21: only the exact name counts', async () => {
    const { store, strategy } = strategyOver()
    for (const name of ['Connect.Sid', '__Host-connect.sid', 'connect.sid2', 'x=connect.sid', '"connect.sid"']) {
      expect(await strategy.authenticate(withHeader(`${name}=${signed(SID)}`), null)).toBeNull()
    }
    expect(store.asked).toEqual([])
  })
})
