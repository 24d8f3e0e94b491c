import { AuthError } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { createHttpCall } from '../../src/outbound/http-call.ts'
import { createSlots } from '../../src/outbound/slots.ts'
import { backend, failure, rawBackend } from '../strategies/webhook-fixtures.ts'

const GET = { method: 'GET' } as const

/** A clock of the breaker that a test moves. */
function system() {
  let passed = 0
  const pass = (ms: number) => {
    passed += ms
  }
  return { now: () => passed, random: () => 0.5, pass }
}

/** A back end that answers with the status that a test sets. */
async function flapping() {
  const answer = { status: 500 }
  const server = await backend((_request, response) => {
    response.statusCode = answer.status
    response.end()
  })
  return { answer, ...server }
}

describe('W07: calls under way and calls that wait', () => {
  it('W07, X17: are bounded, and one more is refused at once', async () => {
    const held: (() => void)[] = []
    const { origin, requests } = await backend((_request, response) => held.push(() => response.end()))
    const call = createHttpCall({ url: origin, maxConcurrent: 3, maxQueued: 2 })
    const calls = Array.from({ length: 5 }, () => call(GET))
    expect(call.state()).toEqual({ breaker: 'closed', inFlight: 3, waiting: 2 })
    await failure(call(GET), ['AUTH_UNAVAILABLE', 'busy'])
    await expect.poll(() => held.length).toBe(3)
    for (const answer of held.splice(0)) answer()
    await expect.poll(() => held.length).toBe(2)
    for (const answer of held) answer()
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect([requests.length, call.state()]).toEqual([5, { breaker: 'closed', inFlight: 0, waiting: 0 }])
  })

  it('W07: may wait for no longer than the deadline, and are then not sent', async () => {
    const { origin, requests } = await backend(() => {})
    const call = createHttpCall({ url: origin, maxConcurrent: 1, timeoutMs: 100 })
    const both = [call(GET), call(GET)]
    for (const one of both) await failure(one, ['AUTH_UNAVAILABLE', 'timeout'])
    expect([requests.length, call.state().inFlight, call.state().waiting]).toEqual([1, 0, 0])
  })

  it('W07: leave the queue when they give up, and take no place with them', async () => {
    const { take, inFlight, waiting } = createSlots(1, 1)
    const patient = new AbortController().signal
    const leave = await take(patient)
    const hasty = new AbortController()
    const second = take(hasty.signal)
    expect([take(patient), inFlight(), waiting()]).toEqual([null, 1, 1])
    hasty.abort(new Error('gave up'))
    await expect(second).rejects.toThrow('gave up')
    expect(waiting()).toBe(0)
    leave?.()
    // Given back twice, it would be two.
    leave?.()
    expect(inFlight()).toBe(0)
    const third = await take(patient)
    const fourth = take(patient)
    third?.()
    await fourth
    expect([inFlight(), waiting()]).toEqual([1, 0])
  })

  it('W07: with maxQueued 0 none waits', async () => {
    const { origin } = await backend((_request, response) => response.end())
    const call = createHttpCall({ url: origin, maxConcurrent: 1, maxQueued: 0 })
    const first = call(GET)
    await failure(call(GET), ['AUTH_UNAVAILABLE', 'busy'])
    expect((await first).status).toBe(200)
  })

  it('X17: two calls do not share places', async () => {
    const slow = await backend(() => {})
    const quick = await backend((_request, response) => response.end())
    const slowCall = createHttpCall({ url: slow.origin, maxConcurrent: 1, maxQueued: 0, timeoutMs: 200 })
    const stuck = slowCall(GET)
    expect((await createHttpCall({ url: quick.origin, maxConcurrent: 1 })(GET)).status).toBe(200)
    await failure(stuck, ['AUTH_UNAVAILABLE', 'timeout'])
  })
})

describe('W08: the breaker', () => {
  it('W08: opens after 5 answers of 5xx within 10 s, and then asks nobody', async () => {
    const time = system()
    const { origin, requests } = await flapping()
    const call = createHttpCall({ url: origin }, time)
    for (let i = 0; i < 4; i += 1) expect((await call(GET)).status).toBe(500)
    expect(call.state().breaker).toBe('closed')
    await call(GET)
    expect(call.state().breaker).toBe('open')
    const refused = await failure(call(GET), ['AUTH_UNAVAILABLE', 'breaker_open'])
    expect([refused.retryAfterSeconds, requests.length]).toEqual([2, 5])
  })

  it('W08: is half open after 1 to 2 s, and lets one call through', async () => {
    const time = system()
    const { origin, answer, requests } = await flapping()
    const call = createHttpCall({ url: origin }, time)
    for (let i = 0; i < 5; i += 1) await call(GET)
    time.pass(1499)
    await failure(call(GET), ['AUTH_UNAVAILABLE', 'breaker_open'])
    time.pass(1)
    expect(call.state().breaker).toBe('half_open')
    const probe = call(GET)
    await failure(call(GET), ['AUTH_UNAVAILABLE', 'breaker_open'])
    expect((await probe).status).toBe(500)
    expect([call.state().breaker, requests.length]).toEqual(['open', 6])
    time.pass(1500)
    answer.status = 200
    await call(GET)
    expect(call.state().breaker).toBe('closed')
    answer.status = 500
    // It counts anew.
    for (let i = 0; i < 4; i += 1) await call(GET)
    expect(call.state().breaker).toBe('closed')
  })

  it('W08: lets nobody wait behind the one call of its half-open time', async () => {
    const time = system()
    const held: (() => void)[] = []
    const { origin, requests } = await backend((_request, response) => {
      if (requests.length > 5) return void held.push(() => response.end())
      response.writeHead(500).end()
    })
    const call = createHttpCall({ url: origin, maxConcurrent: 1 }, time)
    for (let i = 0; i < 5; i += 1) await call(GET)
    time.pass(1500)
    const probe = call(GET)
    await expect.poll(() => held.length).toBe(1)
    const other = failure(call(GET), ['AUTH_UNAVAILABLE', 'breaker_open'])
    expect(call.state()).toEqual({ breaker: 'half_open', inFlight: 1, waiting: 0 })
    held[0]?.()
    await other
    expect((await probe).status).toBe(200)
  })

  it('W08: pauses for between 1 and 2 s, at random', async () => {
    for (const [random, seconds] of [
      [0, 1],
      [0.999, 2],
    ] as const) {
      const { origin } = await flapping()
      const call = createHttpCall({ url: origin }, { now: () => 0, random: () => random })
      for (let i = 0; i < 5; i += 1) await call(GET)
      expect((await failure(call(GET), ['AUTH_UNAVAILABLE', 'breaker_open'])).retryAfterSeconds).toBe(seconds)
    }
  })

  it('W08: forgets failures after 10 s', async () => {
    const time = system()
    const { origin } = await flapping()
    const call = createHttpCall({ url: origin }, time)
    for (let i = 0; i < 4; i += 1) await call(GET)
    time.pass(10_000)
    await call(GET)
    expect(call.state().breaker).toBe('closed')
  })

  it('W08: stays closed while most calls are answered: one bad credential shuts nobody out', async () => {
    const { origin, answer } = await flapping()
    const call = createHttpCall({ url: origin }, system())
    answer.status = 200
    for (let i = 0; i < 6; i += 1) await call(GET)
    answer.status = 500
    for (let i = 0; i < 5; i += 1) await call(GET)
    expect(call.state().breaker).toBe('closed')
    await call(GET)
    expect(call.state().breaker).toBe('open')
  })

  it('W08: counts no answer and answers that the caller cannot use, and no refusals', async () => {
    const unusable = () => {
      throw new AuthError('AUTH_UNAVAILABLE', { reason: 'shape' })
    }
    const forbidden = () => {
      throw new AuthError('AUTH_FORBIDDEN')
    }
    const { origin, answer } = await flapping()
    answer.status = 200
    const call = createHttpCall({ url: origin }, system())
    for (let i = 0; i < 3; i += 1) await failure(call(GET, forbidden), ['AUTH_FORBIDDEN'])
    for (let i = 0; i < 4; i += 1) await failure(call(GET, unusable), ['AUTH_UNAVAILABLE', 'shape'])
    expect(call.state().breaker).toBe('closed')
    await failure(call(GET, unusable), ['AUTH_UNAVAILABLE', 'shape'])
    expect(call.state().breaker).toBe('open')

    const nobody = await rawBackend((socket) => socket.destroy())
    const lost = createHttpCall({ url: nobody.origin }, system())
    for (let i = 0; i < 5; i += 1) await failure(lost(GET), ['AUTH_UNAVAILABLE', 'reset'])
    expect(lost.state().breaker).toBe('open')
  })

  it('W08: refuses at once what waited when it opened, and does not count calls from before', async () => {
    const held: (() => void)[] = []
    const { origin, requests } = await backend((_request, response) => {
      response.statusCode = 500
      held.push(() => response.end())
    })
    const time = system()
    const call = createHttpCall({ url: origin, maxConcurrent: 6 }, time)
    const calls = Array.from({ length: 8 }, () => call(GET))
    await expect.poll(() => held.length).toBe(6)
    for (const answer of held.slice(0, 4)) answer()
    // The first four let the two that wait go.
    await expect.poll(() => held.length).toBe(8)
    calls.push(call(GET), call(GET), call(GET))
    expect(call.state().waiting).toBe(1)
    held[4]?.()
    const last = calls.at(-1)
    if (last === undefined) throw new Error('unreachable')
    await failure(last, ['AUTH_UNAVAILABLE', 'breaker_open'])
    await expect.poll(() => held.length).toBe(10)
    time.pass(1500)
    expect(call.state().breaker).toBe('half_open')
    for (const answer of held.slice(5)) answer()
    await Promise.allSettled(calls)
    expect([call.state().breaker, requests.length]).toEqual(['half_open', 10])
  })
})
