import { AuthError, type Strategy } from 'portcullis'
import { type WebhookOptions, webhook } from 'portcullis/strategies/webhook'
import { fakeClock, handshakeOf, strategyContract } from 'portcullis/testing'
import { describe, expect, it, test } from 'vitest'
import { active, bearer, json, present, TOKEN, useEndpoint } from './introspection-fixtures.ts'
import { answering, backend, SECRET } from './webhook-fixtures.ts'

const endpoint = useEndpoint()
const OTHER = 'another-token-0123456789'
const heard = async (strategy: Strategy, handles: readonly unknown[]) =>
  (await strategy.revalidate?.(handles))?.map((answer) =>
    AuthError.is(answer) ? answer.code : answer.identity.subject,
  )

describe('the introspection strategy looks again', () => {
  const inactive = new Set<string | null>()
  const cases = strategyContract({
    strategy: () => {
      inactive.clear()
      endpoint.answer = (asked, response) =>
        json(inactive.has(asked.form.get('token')) ? { active: false } : active())(asked, response)
      return endpoint.strategy()
    },
    good: () => ({ handshake: bearer(), connect: null }),
    bad: [],
    ending: () => ({ handshake: bearer(OTHER), connect: null, end: () => void inactive.add(OTHER) }),
    secrets: [TOKEN, OTHER],
  })
  for (const { name, run } of cases) test(name, run)

  it('and asks once for each token, unless what it remembers still counts', async () => {
    const [asking, remembering] = [endpoint.strategy(), endpoint.strategy({ cacheSeconds: 30 })]
    await present(asking)
    expect(await heard(asking, [TOKEN, OTHER])).toEqual(['user-42', 'user-42'])
    expect(endpoint.asked).toHaveLength(3)
    await present(remembering)
    expect(await heard(remembering, [TOKEN])).toEqual(['user-42'])
    expect(endpoint.asked).toHaveLength(4)
  })

  it('R07: fewer scopes than it demands are AUTH_INSUFFICIENT_SCOPE, another user is another subject', async () => {
    const strategy = endpoint.strategy({ scopes: ['chat:write'] })
    endpoint.answer = active({ scope: 'chat:read' })
    expect(await heard(strategy, [TOKEN])).toEqual(['AUTH_INSUFFICIENT_SCOPE'])
    endpoint.answer = active({ sub: 'user-43' })
    expect(await heard(strategy, [TOKEN])).toEqual(['user-43'])
  })

  it('W07: half as many at once as may ask, and all of them in the end', async () => {
    const held: (() => void)[] = []
    let free = false
    endpoint.answer = (asked, response) => {
      const token = asked.form.get('token')
      const answer = () => json(active({ sub: token }))(asked, response)
      if (free || token === TOKEN) answer()
      else held.push(answer)
    }
    const tokens = Array.from({ length: 400 }, (_, i) => `token-${i}`)
    const strategy = endpoint.strategy({ maxConcurrent: 9 })
    const answers = heard(strategy, tokens)
    await expect.poll(() => held.length).toBe(5)
    // Whoever connects has a place meanwhile, and his answer comes after whatever else was sent.
    expect((await present(strategy))?.identity.subject).toBe(TOKEN)
    expect(held).toHaveLength(5)
    free = true
    for (const answer of held) answer()
    expect(await answers).toEqual(tokens)
  })

  it('X13: those that a slow server leaves no time for are AUTH_UNAVAILABLE, and cost nobody his answer', async () => {
    const held: (() => void)[] = []
    endpoint.answer = (asked, response) => {
      if (endpoint.asked.length > 2) held.push(() => json(active())(asked, response))
      else json(active())(asked, response)
    }
    const strategy = endpoint.strategy({ maxConcurrent: 2, timeoutMs: 2_600 })
    const answers = heard(strategy, ['a', 'b', 'c', 'd', 'e'])
    expect(await answers).toEqual(['user-42', 'user-42', ...Array(3).fill('AUTH_UNAVAILABLE')])
    expect(endpoint.asked).toHaveLength(3)
    for (const release of held) release()
  })

  it('never with Infinity', () => {
    expect(endpoint.strategy({ revalidateEveryMs: Number.POSITIVE_INFINITY }).revalidate).toBeUndefined()
    expect(endpoint.strategy().revalidateEveryMs).toBe(30_000)
    expect(() => endpoint.strategy({ revalidateEveryMs: -1 })).toThrow('"revalidateEveryMs"')
  })
})

describe('the webhook strategy looks again', () => {
  const over = (origin: string, options: Partial<WebhookOptions<unknown, 'webhook'>> = {}) =>
    webhook({ url: `${origin}/hook`, secret: SECRET, issuer: 'app', clock: fakeClock(), ...options } as WebhookOptions<
      unknown,
      'webhook'
    >)
  const handleOf = async (strategy: Strategy, headers: Record<string, string>) =>
    (await strategy.authenticate(handshakeOf({ headers }), null))?.handle
  const ended = new Set<string>()
  const judging = () =>
    backend((_request, response, body) => {
      const { credential } = JSON.parse(String(body))
      response.end(JSON.stringify(ended.has(credential) ? { permit: false } : { permit: true, subject: '42' }))
    })
  const cases = strategyContract({
    strategy: async () => {
      ended.clear()
      return over((await judging()).origin)
    },
    good: () => ({ handshake: bearer(), connect: null }),
    bad: [],
    ending: () => ({ handshake: bearer(OTHER), connect: null, end: () => void ended.add(OTHER) }),
    secrets: [TOKEN, OTHER],
  })
  for (const { name, run } of cases) test(name, run)

  it('with the very request of before, signed anew', async () => {
    const hook = await answering({ permit: true, subject: '42' })
    const strategy = over(hook.origin, { forward: { cookies: ['sid'], headers: ['user-agent'] } })
    const handle = await handleOf(strategy, { cookie: 'sid=abc; theme=dark', 'user-agent': 'test' })
    expect(await heard(strategy, [handle])).toEqual(['42'])
    const [first, second] = hook.requests
    expect(String(second?.body)).toBe(String(first?.body))
    expect(JSON.parse(String(second?.body))).toMatchObject({
      cookies: { sid: 'abc' },
      headers: { 'user-agent': 'test' },
    })
    expect(second?.request.headers['webhook-id']).not.toBe(first?.request.headers['webhook-id'])
    expect(JSON.stringify(await strategy.revalidate?.([handle]))).toContain('"id":')
  })

  it('W11: and says who it is now, or that nobody stands behind the cookies any more', async () => {
    let answer: object = { permit: true, subject: '42' }
    const hook = await backend((_request, response) => response.end(JSON.stringify(answer)))
    const cookies = over(hook.origin, { forward: { cookies: ['sid'] } })
    const handle = await handleOf(cookies, { cookie: 'sid=abc' })
    answer = { permit: true, subject: '43' }
    expect(await heard(cookies, [handle])).toEqual(['43'])
    answer = { permit: null }
    expect(await heard(cookies, [handle])).toEqual(['AUTH_CREDENTIAL_MISSING'])
    const tokens = over(hook.origin)
    answer = { permit: true, subject: '42' }
    const token = await handleOf(tokens, { authorization: 'Bearer abc' })
    answer = { permit: null }
    expect(await heard(tokens, [token])).toEqual(['AUTH_UNAVAILABLE'])
    answer = { permit: false, code: 'AUTH_FORBIDDEN' }
    expect(await heard(tokens, [token])).toEqual(['AUTH_FORBIDDEN'])
  })

  it('from what the Cache-Control of the answer permits, and no longer', async () => {
    const hook = await answering({ permit: true, subject: '42' }, { 'cache-control': 'max-age=20' })
    const clock = fakeClock()
    const strategy = over(hook.origin, { clock })
    const handle = await handleOf(strategy, { authorization: 'Bearer abc' })
    await heard(strategy, [handle])
    expect(hook.requests).toHaveLength(1)
    await clock.advance(21_000)
    await heard(strategy, [handle])
    expect(hook.requests).toHaveLength(2)
  })

  it('W07: half as many at once as may ask', async () => {
    const held: (() => void)[] = []
    let free = true
    const hook = await backend((_request, response, body) => {
      const { credential } = JSON.parse(String(body))
      const answer = () => response.end(JSON.stringify({ permit: true, subject: credential }))
      if (free || credential === 'new') answer()
      else held.push(answer)
    })
    const strategy = over(hook.origin, { maxConcurrent: 8, maxQueued: 0 })
    const names = Array.from({ length: 8 }, (_, i) => `t${i}`)
    const handles = await Promise.all(names.map((name) => handleOf(strategy, { authorization: `Bearer ${name}` })))
    free = false
    const answers = heard(strategy, handles)
    await expect.poll(() => held.length).toBe(4)
    expect(await handleOf(strategy, { authorization: 'Bearer new' })).toContain('new')
    expect(held).toHaveLength(4)
    free = true
    for (const answer of held) answer()
    expect(await answers).toEqual(names)
  })

  it('never with Infinity', async () => {
    expect(over('http://127.0.0.1', { revalidateEveryMs: Number.POSITIVE_INFINITY }).revalidate).toBeUndefined()
    expect(over('http://127.0.0.1').revalidateEveryMs).toBe(30_000)
    expect(() => over('http://127.0.0.1', { revalidateEveryMs: 1 })).toThrow('"revalidateEveryMs"')
  })
})
