import { AuthError } from 'portcullis'
import type { HttpHooksOptions } from 'portcullis/hooks/http'
import { fakeClock } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { gate } from '../harness.ts'
import { hookBackend, hooksOf, user } from './hooks-fixtures.ts'

const gone = (i: number) => ({ identity: user(), namespace: '/chat', socketId: `s${i}`, reason: 'transport close' })

async function telling(options: Partial<HttpHooksOptions> = {}) {
  const clock = fakeClock()
  const errors: unknown[][] = []
  const site = await hookBackend()
  // As a back end that has nothing to say answers.
  site.instead = () => ({ status: 204, body: '' })
  const hooks = hooksOf(site, {
    clock,
    onError: (error, where) => errors.push([where, String(AuthError.is(error))]),
    ...options,
  })
  return { clock, errors, site, hooks, told: () => site.items().map(({ socketId }) => socketId) }
}

describe('notices of sockets that are gone', () => {
  it('are told together, once, with what the back end needs to know', async () => {
    const { site, hooks, clock } = await telling()
    for (let i = 0; i < 120; i += 1) hooks.disconnect(gone(i))
    await expect.poll(() => site.items().length).toBe(120)
    expect(site.requests.map(({ length }) => length)).toEqual([50, 50, 20])
    expect(site.items()[0]).toEqual({ id: expect.any(String), type: 'disconnect', at: clock.now() / 1000, ...gone(0) })
    expect(hooks.state().notices).toEqual({ waiting: 0, dropped: 0 })
  })

  it('are repeated with the same ids after 1, 4 and 16 seconds, and then dropped and counted', async () => {
    const { site, hooks, clock, errors } = await telling()
    site.instead = () => ({ status: 500 })
    hooks.disconnect(gone(1))
    for (const [i, ms] of [1_000, 4_000, 16_000].entries()) {
      await expect.poll(() => [site.requests.length, clock.pending]).toEqual([i + 1, 1])
      await clock.advance(ms - 1)
      expect(site.requests).toHaveLength(i + 1)
      await clock.advance(1)
    }
    await expect.poll(() => errors).toEqual([['1 notices of hooks were dropped', 'true']])
    expect(new Set(site.items().map(({ id }) => id)).size).toBe(1)
    expect([site.requests.length, hooks.state().notices]).toEqual([4, { waiting: 0, dropped: 1 }])
  })

  it('arrive after all when the back end is back before that', async () => {
    const { site, hooks, clock, told } = await telling()
    site.isDown = true
    hooks.disconnect(gone(1))
    await expect.poll(() => clock.pending).toBe(1)
    site.isDown = false
    await clock.advance(1_000)
    await expect.poll(told).toEqual(['s1'])
    expect(hooks.state().notices).toEqual({ waiting: 0, dropped: 0 })
  })

  it('are no more than maxNotices: the oldest are dropped and counted', async () => {
    const { promise, open } = gate()
    const { site, hooks, told } = await telling({ maxNotices: 3, batch: { size: 2, waitMs: 0 } })
    site.wait = () => promise
    hooks.disconnect(gone(0))
    await expect.poll(() => site.requests.length).toBe(1)
    for (let i = 1; i <= 5; i += 1) hooks.disconnect(gone(i))
    expect(hooks.state().notices).toEqual({ waiting: 3, dropped: 2 })
    open()
    await expect.poll(told).toEqual(['s0', 's3', 's4', 's5'])
  })

  it('that wait are sent once when the hooks are closed, and later ones are dropped', async () => {
    const { site, hooks, told, clock } = await telling()
    hooks.disconnect(gone(1))
    await hooks.close()
    expect(told()).toEqual(['s1'])
    hooks.disconnect(gone(2))
    expect(hooks.state().notices).toEqual({ waiting: 0, dropped: 1 })

    const other = await telling()
    other.site.isDown = true
    other.hooks.disconnect(gone(1))
    await expect.poll(() => other.clock.pending).toBe(1)
    await other.hooks.close()
    expect([other.hooks.state().notices.dropped, other.clock.pending]).toEqual([1, 0])
    expect([site.requests.length, clock.pending]).toEqual([1, 0])
  })

  it('do no harm when onError throws or rejects', async () => {
    for (const onError of [
      () => Promise.reject(new Error('a bug')),
      () => {
        throw new Error('a bug')
      },
    ]) {
      const { site, hooks } = await telling({ onError })
      site.instead = () => ({ status: 500 })
      hooks.disconnect(gone(1))
      await hooks.close()
      expect(hooks.state().notices.dropped).toBe(1)
    }
  })

  it('do not throw, whatever the claims are', async () => {
    const { hooks, errors } = await telling()
    hooks.disconnect({ ...gone(1), identity: user('alice', { binary: Buffer.from('x') }) })
    expect(errors).toEqual([['a notice of hooks', 'true']])
  })
})
