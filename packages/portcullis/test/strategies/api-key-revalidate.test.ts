import { AuthError } from 'portcullis'
import { type ApiKeyRecord, apiKey, createApiKey } from 'portcullis/strategies/api-key'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'

const [mine, other] = [createApiKey('acme_live'), createApiKey('acme_live')]
const records = new Map<string, ApiKeyRecord>()
const asked: string[] = []
const clock = fakeClock()
const NOW = clock.now() / 1000

/** A strategy over two keys. */
function over(options: { revalidateEveryMs?: number } = {}) {
  records.clear()
  asked.length = 0
  records.set(mine.prefix, { hash: mine.hash, subject: 'service-7', claims: { scope: 'read' } })
  records.set(other.prefix, { hash: other.hash, subject: 'service-8' })
  const find = async (prefix: string) => {
    asked.push(prefix)
    return (records.get(prefix) ?? null) as ApiKeyRecord<{ scope: string }> | null
  }
  return apiKey({ find, clock, ...options })
}
const request = ({ key }: { key: string }) => ({
  handshake: handshakeOf({ headers: { 'x-api-key': key } }),
  connect: null,
})
const accept = async (strategy: ReturnType<typeof over>, key: { key: string }) =>
  (await strategy.authenticate(request(key).handshake, null))?.handle
const heard = async (strategy: ReturnType<typeof over>, handle: unknown) => {
  const [answer] = (await strategy.revalidate?.([handle])) ?? []
  return AuthError.is(answer) ? answer.code : answer?.identity.claims
}

describe('the API key strategy looks again at what it accepted', () => {
  const cases = strategyContract({
    strategy: () => over(),
    good: () => request(mine),
    bad: [],
    ending: () => ({ ...request(other), end: () => void records.delete(other.prefix) }),
    secrets: [mine.key, other.key],
  })
  for (const { name, run } of cases) test(name, run)

  test('by hash and prefix: the key itself is not kept', async () => {
    const strategy = over()
    const handle = await accept(strategy, mine)
    expect(handle).toBe(mine.hash + mine.prefix)
    await strategy.revalidate?.([handle, handle])
    expect(asked).toEqual([mine.prefix, mine.prefix, mine.prefix])
  })

  test('a key that was replaced, or has expired, is refused; what changed in its record is in force', async () => {
    const strategy = over()
    const handle = await accept(strategy, mine)
    const record = records.get(mine.prefix) as ApiKeyRecord
    records.set(mine.prefix, { ...record, claims: { scope: 'none' } })
    expect(await heard(strategy, handle)).toEqual({ scope: 'none' })
    records.set(mine.prefix, { ...record, expiresAt: NOW })
    expect(await heard(strategy, handle)).toBe('AUTH_EXPIRED')
    records.set(mine.prefix, { ...record, hash: other.hash })
    expect(await heard(strategy, handle)).toBe('AUTH_CREDENTIAL_INVALID')
    records.set(mine.prefix, { ...record, hash: 'nonsense' })
    expect(await heard(strategy, handle)).toBe('AUTH_ERROR')
  })

  test('every 30 seconds, or never', () => {
    expect(over().revalidateEveryMs).toBe(30_000)
    expect(over({ revalidateEveryMs: Number.POSITIVE_INFINITY }).revalidate).toBeUndefined()
    expect(() => over({ revalidateEveryMs: 500 })).toThrow('"revalidateEveryMs"')
  })
})
