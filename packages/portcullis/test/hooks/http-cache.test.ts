import { deny, permit } from 'portcullis'
import { fakeClock } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { gate } from '../harness.ts'
import { hookBackend, hooksOf, joining, sending, user } from './hooks-fixtures.ts'

describe('an answer', () => {
  it('is not remembered unless the back end says so', async () => {
    const site = await hookBackend()
    const hooks = hooksOf(site)
    await hooks.join(joining('room:1'))
    await hooks.join(joining('room:1'))
    expect(site.items()).toHaveLength(2)
  })

  it('is remembered for as long as Cache-Control says, a denial as well as a permit', async () => {
    const clock = fakeClock()
    const site = await hookBackend(({ room }) => ({ permit: room === 'room:1' }))
    site.cacheControl.value = 'private, max-age=10'
    const hooks = hooksOf(site, { clock })
    const both = async () => [await hooks.join(joining('room:1')), await hooks.join(joining('room:2'))]
    expect(await both()).toEqual([permit(), deny()])
    await clock.advance(9_999)
    expect(await both()).toEqual([permit(), deny()])
    expect([site.items().length, hooks.state().remembered]).toEqual([2, 2])
    await clock.advance(1)
    await both()
    expect(site.items()).toHaveLength(4)
  })

  it('has its own maxAgeSeconds, which counts before Cache-Control and no longer than cache.maxSeconds', async () => {
    const clock = fakeClock()
    const site = await hookBackend(({ room }) => ({ permit: true, maxAgeSeconds: room === 'room:1' ? 0 : 3_600 }))
    site.cacheControl.value = 'no-store'
    const hooks = hooksOf(site, { clock, cache: { maxSeconds: 20 } })
    const both = () => Promise.all([hooks.join(joining('room:1')), hooks.join(joining('room:2'))])
    await both()
    await clock.advance(19_999)
    await both()
    expect(site.items().map(({ room }) => room)).toEqual(['room:1', 'room:2', 'room:1'])
    await clock.advance(1)
    await both()
    expect(site.items()).toHaveLength(5)
  })

  it('is not remembered beyond its own end', async () => {
    const clock = fakeClock()
    const site = await hookBackend(() => ({ permit: true, maxAgeSeconds: 30, expiresAt: clock.now() / 1000 + 5 }))
    const hooks = hooksOf(site, { clock })
    await hooks.join(joining('room:1'))
    await clock.advance(5_000)
    await hooks.join(joining('room:1'))
    expect(site.items()).toHaveLength(2)
  })

  it('is another for other claims, another namespace, other arguments, and another kind of question', async () => {
    const site = await hookBackend()
    site.cacheControl.value = 'max-age=30'
    const hooks = hooksOf(site)
    const asks = [
      () => hooks.join(joining('room:1')),
      () => hooks.join(joining('room:1', user('alice', { org: 'globex' }))),
      () => hooks.join(joining('room:1', { ...user(), issuer: 'other' })),
      () => hooks.join({ ...joining('room:1'), namespace: '/other' }),
      () => hooks.join({ ...joining('room:1'), presented: 'a signed grant' }),
      () => hooks.event(sending('room:1')),
      () => hooks.event(sending('room:1', ['room:1'])),
    ]
    for (const ask of [...asks, ...asks]) await ask()
    expect(site.items()).toHaveLength(asks.length)
  })

  it('about memberships is never remembered, nor that of an earlier question that is still on its way', async () => {
    let rooms = ['before']
    let answer = () => {}
    const site = await hookBackend(() => ({ rooms, maxAgeSeconds: 30 }))
    const { memberships } = hooksOf(site)
    expect(await memberships(user())).toEqual(['before'])
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    site.wait = () => held
    const early = memberships(user())
    await expect.poll(() => site.requests.length).toBe(2)
    site.wait = () => undefined
    rooms = ['after']
    expect(await memberships(user())).toEqual(['after'])
    answer()
    await early
  })

  it('of an event that was acted upon is never remembered, nor shared', async () => {
    const site = await hookBackend()
    site.cacheControl.value = 'max-age=30'
    const hooks = hooksOf(site)
    await Promise.all([hooks.handle(sending('post')), hooks.handle(sending('post'))])
    expect(site.items()).toHaveLength(2)
  })

  it('is forgotten where there are too many', async () => {
    const site = await hookBackend()
    site.cacheControl.value = 'max-age=30'
    const hooks = hooksOf(site, { cache: { maxEntries: 10 } })
    for (let i = 0; i < 30; i += 1) await hooks.join(joining(`room:${i}`))
    expect(hooks.state().remembered).toBeLessThanOrEqual(10)
    const none = hooksOf(site, { cache: { maxEntries: 0 } })
    await none.join(joining('room:1'))
    expect(none.state().remembered).toBe(0)
  })
})

describe('forget', () => {
  it('has everything about one principal asked anew, and nothing about others', async () => {
    let permitted = true
    const site = await hookBackend(() => ({ permit: permitted }))
    site.cacheControl.value = 'max-age=30'
    const hooks = hooksOf(site)
    const namesake = { ...user(), issuer: 'other' }
    const all = () => Promise.all([user(), user('bob'), namesake].map((who) => hooks.join(joining('room:1', who))))
    await all()
    permitted = false
    hooks.forget({ issuer: 'app', subject: 'alice' })
    expect(await all()).toEqual([deny(), permit(), permit()])
    expect(site.items()).toHaveLength(4)
    // What was learned since then is remembered again.
    await all()
    expect(site.items()).toHaveLength(4)
  })

  it('does not let an answer through that was on its way', async () => {
    const { promise, open } = gate()
    let permitted = true
    const site = await hookBackend(() => ({ permit: permitted }))
    site.cacheControl.value = 'max-age=30'
    site.wait = () => (site.requests.length === 1 ? promise : undefined)
    const hooks = hooksOf(site)
    const before = hooks.join(joining('room:1'))
    await expect.poll(() => site.requests.length).toBe(1)
    hooks.forget(user())
    const after = hooks.join(joining('room:1'))
    open()
    permitted = false
    expect([await before, await after]).toEqual([deny(), deny()])
  })

  it('of more principals than can be told apart forgets everybody', async () => {
    const site = await hookBackend()
    site.cacheControl.value = 'max-age=30'
    const hooks = hooksOf(site)
    await hooks.join(joining('room:1'))
    for (let i = 0; i < 10_001; i += 1) hooks.forget({ issuer: 'app', subject: `user-${i}` })
    expect(hooks.state().remembered).toBe(0)
  })
})
