import { inspect } from 'node:util'
import { postgres } from 'portcullis/revocations/postgres'
import { redis } from 'portcullis/revocations/redis'
import { describe, expect, test } from 'vitest'
import { inSeconds, listenTo, newId, readerOf } from '../../src/testing/revocation-log-assertions.ts'
import { nodeRedis, postgresStore, redisStore, SECRET } from './log-fixtures.ts'

const SHORT = 'x'.repeat(31)
const MESSAGE = '"secret" must be a string of at least 32 bytes, or a list of such'
const pool = { query: async () => ({ rows: [] }), connect: () => Promise.reject(new Error('none')) }
const client = { sendCommand: async () => null, duplicate: () => Promise.reject(new Error('none')) as never }

describe('R20: a seal', () => {
  test('is of one id: the text of another entry is read as null under it', async () => {
    const { log, admin, store, key } = await redisStore('ioredis')
    const id = newId()
    await log().append({ id, text: 'mine', expiresAt: inSeconds(60) })
    const [[, [, , , sealed = ''] = []] = []] = await admin.xrange(key('entries'), '-', '+')
    expect(sealed.endsWith('mine')).toBe(true)
    await store.forgeEntry?.(newId(), sealed)
    await store.forgeEntry?.(id, sealed)
    await store.forgeEntry?.(id, sealed.replace('mine', 'mime'))
    await store.forgeEntry?.(id, sealed.slice(1))
    // Another text of the same bytes: the last character of base64url has bits to spare.
    await store.forgeEntry?.(id, sealed.slice(0, 42) + nextLetter(sealed[42] ?? '') + sealed.slice(43))
    expect((await readerOf(log()).read()).texts).toEqual(['mine', null, 'mine', null, null, null])
  })

  test('is of one purpose: what was said on the bus is no entry, and no entry is a message', async () => {
    const { log, admin, store, key } = await redisStore('ioredis')
    const [ear, id] = [await listenTo(log()), newId().slice(0, 16)]
    await log().append({ id, text: 'an entry', expiresAt: inSeconds(60) })
    const [[, [, , , sealed = ''] = []] = []] = await admin.xrange(key('entries'), '-', '+')
    await store.forgeMessage?.(`message ${id}${sealed}`)
    const heard: string[] = []
    const subscriber = await nodeRedis(process.env.REDIS_URL ?? '')
    await subscriber.subscribe(key('bus'), (text) => heard.push(text))
    await log().publish('a message')
    await ear.until(() => ear.messages.length === 2, 'both')
    expect(ear.messages).toEqual([null, 'a message'])
    await expect.poll(() => heard.length).toBe(1)
    const said = String(heard[0]).slice('message '.length)
    await store.forgeEntry?.(said.slice(0, 16), said.slice(16))
    expect((await readerOf(log()).read()).texts).toEqual(['an entry', null])
    await ear.stop()
  })

  test('is of one log: an entry of another prefix or store is read as null', async () => {
    const [one, two, three] = [await redisStore('ioredis'), await redisStore('ioredis'), await postgresStore()]
    const id = newId()
    await one.log().append({ id, text: 'mine', expiresAt: inSeconds(60) })
    const [[, [, , , sealed = ''] = []] = []] = await one.admin.xrange(one.key('entries'), '-', '+')
    for (const { store, log } of [two, three]) {
      await store.forgeEntry?.(id, sealed)
      expect((await readerOf(log()).read()).texts).toEqual([null])
    }
  })

  test('shows no secret: not in the log, nor in what stands in the store', async () => {
    const { log, admin, key } = await redisStore('ioredis')
    await log().append({ id: newId(), text: 'x', expiresAt: inSeconds(60) })
    const shown =
      inspect([log(), JSON.stringify(log())], { depth: 9, showHidden: true }) +
      (await admin.xrange(key('entries'), '-', '+'))
    expect(shown).not.toContain(SECRET)
  })
})

describe('options', () => {
  test.each([undefined, '', SHORT, 32, null, [], [SECRET, SHORT], [SHORT], {}, [[SECRET]], Buffer.from(SECRET)])(
    'refuses the secret %j',
    (secret) => {
      const message = Array.isArray(secret) && secret.length === 0 ? '"secret" must not be an empty list' : MESSAGE
      expect(() => redis({ client, secret: secret as never })).toThrow(new TypeError(message))
      expect(() => postgres({ pool, secret: secret as never })).toThrow(new TypeError(message))
    },
  )

  test('counts the bytes of a secret, and takes 32', () => {
    expect(() => redis({ client, secret: 'x'.repeat(32) })).not.toThrow()
    expect(() => postgres({ pool, secret: ['é'.repeat(16)] })).not.toThrow()
  })

  test.each([
    [{ client: {} }, '"client" must be a client of node-redis or ioredis'],
    [{ client: null }, '"client" must be a client of node-redis or ioredis'],
    [{ prefix: '' }, '"prefix" must be a non-empty string'],
    [{ prefix: 7 }, '"prefix" must be a non-empty string'],
    [{ prefix: 'a{b}' }, '"prefix" must be without braces'],
    [{ secrets: '' }, '"secrets" is not an option of redis()'],
  ])('redis: refuses %j', (wrong, message) => {
    expect(() => redis({ client, secret: SECRET, ...(wrong as object) })).toThrow(new TypeError(message))
  })

  const prefix = '"prefix" must be of a-z, 0-9 and _, at most 30, after a schema and a dot if need be'
  test.each([
    [{ pool: {} }, '"pool" must be a pool of pg'],
    [{ pool: null }, '"pool" must be a pool of pg'],
    [{ pool: { ...pool, options: { max: 1 } } }, '"pool" must have a "max" of at least 2'],
    [{ prefix: '' }, prefix],
    [{ prefix: 'a"; drop table x; --' }, prefix],
    [{ prefix: 'Upper_' }, prefix],
    [{ prefix: 'a.b.c' }, prefix],
    [{ prefix: 'a'.repeat(31) }, prefix],
    [{ createTables: 'yes' }, '"createTables" must be true or false'],
    [{ table: 'x' }, '"table" is not an option of postgres()'],
  ])('postgres: refuses %j', (wrong, message) => {
    expect(() => postgres({ pool, secret: SECRET, ...(wrong as object) })).toThrow(new TypeError(message))
  })

  test('an id, a text or a time that is none is a TypeError, and reaches no store', async () => {
    for (const log of [redis({ client, secret: SECRET }), postgres({ pool, secret: SECRET })]) {
      const good = { id: 'x', text: 'x', expiresAt: 0 }
      for (const wrong of [{ id: '' }, { id: 'x'.repeat(201) }, { id: 'a\0' }, { id: 7 }]) {
        await expect(log.append({ ...good, ...(wrong as object) })).rejects.toThrow(
          '"id" must be a text of 1 to 200 characters',
        )
      }
      for (const text of ['x'.repeat(4_001), 'a\0', '\ud800', 7, null]) {
        await expect(log.append({ ...good, text: text as never })).rejects.toThrow('"text" must be well-formed Unicode')
        await expect(log.publish(text as never)).rejects.toThrow('"text" must be well-formed Unicode')
      }
      for (const expiresAt of [Number.NaN, '1', null]) {
        await expect(log.append({ ...good, expiresAt: expiresAt as never })).rejects.toThrow(
          '"expiresAt" must be epoch seconds',
        )
      }
    }
  })

  test('a time of no end, and one before all times, are kept', async () => {
    for (const { log } of [await redisStore('ioredis'), await postgresStore()]) {
      for (const expiresAt of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, 0.5, 1_800_000_000.123]) {
        await log().append({ id: newId(), text: String(expiresAt), expiresAt })
      }
      expect((await readerOf(log()).read()).texts.length).toBe(5)
    }
  })
})

function nextLetter(letter: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return letters[letters.indexOf(letter) ^ 1] ?? ''
}
