/** An unknown name must look and last like a wrong password, when `verify` runs its hash for both. */

import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { basic } from 'portcullis/strategies/basic'
import { handshakeOf } from 'portcullis/testing'
import { expect, test } from 'vitest'
import { keys, ORIGIN, start } from '../harness.ts'

/** `ROUNDS=1000` is the row in full. */
const ROUNDS = Number(process.env.ROUNDS ?? 200)
const COST: ScryptOptions = { N: 2048, r: 8, p: 1 }

const hash = (password: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    scrypt(password, 'a salt of this test', 32, COST, (error, key) => (error ? reject(error) : resolve(key)))
  })

/** As the documentation shows it: one hash, whoever asks. */
async function verifier(): Promise<(username: string, password: string) => Promise<{ subject: string } | null>> {
  const users = new Map([['alice', await hash('her password')]])
  const dummy = await hash('nobody has this password')
  return async (username, password) => {
    const known = users.get(username)
    const right = timingSafeEqual(await hash(password), known ?? dummy)
    return known !== undefined && right ? { subject: username } : null
  }
}

const basicOf = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

test(`B02: ${ROUNDS} unknown names take as long as as many wrong passwords`, {
  timeout: 120_000,
  retry: 3,
}, async () => {
  const strategy = basic({ verify: await verifier(), maxFailures: 1e6, maxFailuresPerAddress: 1e6 })
  const took: Record<'alice' | 'nobody', number[]> = { alice: [], nobody: [] }
  /** Microseconds of processor, which other processes do not take from us. */
  const used = { alice: 0, nobody: 0 }
  const measure = async (username: 'alice' | 'nobody', i: number) => {
    const handshake = handshakeOf({ headers: { authorization: basicOf(username, `guess ${i}`) } })
    const usedBefore = process.cpuUsage()
    const startedMs = performance.now()
    await expect(strategy.authenticate(handshake, null)).rejects.toMatchObject({ code: 'AUTH_CREDENTIAL_INVALID' })
    took[username].push(performance.now() - startedMs)
    const { user, system } = process.cpuUsage(usedBefore)
    used[username] += user + system
  }
  // In turns, so that whatever slows the machine slows both.
  for (let i = 0; i < ROUNDS; i += 1) {
    const [first, second] = i % 2 === 0 ? (['alice', 'nobody'] as const) : (['nobody', 'alice'] as const)
    await measure(first, i)
    await measure(second, i)
  }
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const apart = (of: typeof median) => Math.abs(of(took.alice) - of(took.nobody)) / of(took.alice)
  const usedApart = Math.abs(used.alice - used.nobody) / used.alice
  if (ROUNDS >= 1000) console.info('B02: medians, means, processor time apart:', apart(median), apart(mean), usedApart)
  expect(median(took.alice)).toBeGreaterThan(1)
  expect(apart(median)).toBeLessThan(0.15)
})

test('B02: an unknown name and a wrong password get the same answer from a server', async () => {
  const strategy = basic({ verify: await verifier() })
  const { get, auth, io, audit } = await start({ strategies: [strategy as never, keys(new Map())] })
  auth.protect(io.of('/chat'), { events: {} })
  const ask = async (username: string) => {
    const authorization = basicOf(username, 'not her password')
    const answer = await get('/socket.io/?EIO=4&transport=polling', { authorization, origin: ORIGIN })
    const { date: _now, ...headers } = answer.headers
    return { status: answer.status, body: answer.body, headers }
  }
  const unknown = await ask('mallory')
  expect(unknown.status).toBe(401)
  expect(await ask('alice')).toEqual(unknown)
  expect(audit.map(({ code, reason }) => [code, reason])).toEqual([
    ['AUTH_CREDENTIAL_INVALID', 'credentials'],
    ['AUTH_CREDENTIAL_INVALID', 'credentials'],
  ])
})
