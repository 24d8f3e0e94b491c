import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import expressSession from 'express-session'
import fc from 'fast-check'
import { AuthError } from 'portcullis'
import { session } from 'portcullis/strategies/session'
import { describe, expect, it } from 'vitest'
import { OLD_SECRET, SECRET, SID, signed, storeOf, withHeader } from '../strategies/session-fixtures.ts'
import { anyText, PATIENCE_MS, runs } from './runs.ts'

const SECRETS = [SECRET, OLD_SECRET]
const store = storeOf(undefined)
/** Any id goes, so that only the reading is compared. */
const strategy = session({ store, secret: SECRETS, sessionIdPattern: /[\s\S]+/ })

/** The session id for which the strategy asks its store, or null. What it throws must be a refusal. */
async function ours(cookie: string): Promise<string | null> {
  store.asked.length = 0
  await strategy.authenticate(withHeader(cookie), null).catch((error: unknown) => {
    if (!AuthError.is(error) || error.code !== 'AUTH_CREDENTIAL_INVALID') throw error
  })
  expect(store.asked.length).toBeLessThanOrEqual(1)
  return store.asked[0] ?? null
}

/** The session id for which the real express-session asks its store, or null. */
function theirs(cookie: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const asked: string[] = []
    const oracle = Object.assign(new expressSession.MemoryStore(), {
      get(sid: string, callback: (error: unknown, session?: null) => void) {
        asked.push(sid)
        callback(null, null)
      },
    })
    const request = new IncomingMessage(new Socket())
    Object.assign(request, { url: '/', headers: { cookie } })
    const read = expressSession({ store: oracle, secret: [...SECRETS], resave: false, saveUninitialized: false })
    const next = (error?: unknown) => (error === undefined ? resolve(asked[0] ?? null) : reject(error as Error))
    Reflect.apply(read, undefined, [request, new ServerResponse(request), next])
  })
}

const sid = fc.oneof(
  fc.constantFrom(SID, 'a.b.c', '', '*', 'ünï', 'a\0b', 's:'),
  fc.string({ maxLength: 8 }),
  anyText(4),
)
const secret = fc.constantFrom(SECRET, SECRET, OLD_SECRET, 'unknown')
const value = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(sid, secret).map(([id, key]) => signed(id, key)) },
  fc.tuple(sid, fc.string({ maxLength: 4 })).map(([id, signature]) => `s:${id}.${signature}`),
  fc.string({ maxLength: 12 }),
)
/** As a server, a library or nobody at all would escape it. */
const spelling = fc.constantFrom<(text: string) => string>(
  encodeURIComponent,
  encodeURIComponent,
  (text) => text,
  escape,
  (text) => `"${encodeURIComponent(text)}"`,
  (text) => `"${encodeURIComponent(text)}`,
  (text) => ` ${encodeURIComponent(text)}\t`,
  (text) => encodeURIComponent(encodeURIComponent(text)),
  (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join(''),
)
const cookieName = fc.oneof(
  { weight: 5, arbitrary: fc.constant('connect.sid') },
  fc.constantFrom(' connect.sid', 'connect.sid\t', 'Connect.Sid', '__proto__', 'a', '', 'toString', '"connect.sid"'),
)
const cookie = fc
  .tuple(cookieName, fc.constantFrom('=', '=', '=', ' = ', '==', ''), value, spelling)
  .map(([name, equals, text, spelt]) => name + equals + tryTo(() => spelt(text)))
const jar = fc
  .tuple(fc.array(cookie, { minLength: 1, maxLength: 4 }), fc.constantFrom('; ', '; ', ';', ' ;', ', ', ';;', '; ;'))
  .map(([cookies, separator]) => cookies.join(separator))
const damaged = fc
  .tuple(
    jar,
    fc.nat(),
    fc.nat(3),
    fc.constantFrom('', '%', '"', ';', '=', ' ', '\t', '.', 's:', '%00', '%zz', '\u00ff'),
  )
  .map(([header, at, cut, inserted]) => {
    const place = at % (header.length + 1)
    return header.slice(0, place) + inserted + header.slice(place + cut)
  })
// Anything else is no header: Node's parser gives one character for each byte.
const header = fc.oneof({ weight: 3, arbitrary: jar }, damaged).map((text) => Buffer.from(text).toString('latin1'))

describe('S01: the cookie header', () => {
  it('names the same session for the strategy as for express-session, or none', { timeout: PATIENCE_MS }, async () => {
    let found = 0
    await fc.assert(
      fc.asyncProperty(header, async (text) => {
        const expected = await theirs(text)
        expect(await ours(text)).toBe(expected)
        if (expected !== null) found += 1
      }),
      runs(600, {
        examples: [
          [`connect.sid=${signed(SID)}`],
          [`connect.sid="${signed(SID)}"`],
          [`connect.sid=%; connect.sid=${signed(SID)}`],
          [`connect.sid=${signed(SID, OLD_SECRET)}; connect.sid=${signed('other')}`],
        ],
      }),
    )
    // Neither all nor nothing, or the comparison would say little.
    expect(found).toBeGreaterThan(60)
  })

  it('names no session when one byte of its signature is another', { timeout: PATIENCE_MS }, async () => {
    const [before, signature] = splitAt(signed(SID), `s:${SID}.`.length)
    await fc.assert(
      fc.asyncProperty(fc.nat(signature.length - 1), fc.string({ minLength: 1, maxLength: 1 }), async (at, other) => {
        fc.pre(signature[at] !== other)
        const forged = signature.slice(0, at) + other + signature.slice(at + 1)
        expect(await ours(`connect.sid=${encodeURIComponent(before + forged)}`)).toBeNull()
      }),
      runs(300),
    )
  })
})

function splitAt(text: string, at: number): readonly [string, string] {
  return [text.slice(0, at), text.slice(at)]
}

/** A lone surrogate cannot be escaped: then it stays as it is. */
function tryTo(spell: () => string): string {
  try {
    return spell()
  } catch {
    return 's:unescapable'
  }
}
