import { createServer } from 'node:http'
import { permit } from 'portcullis'
import type { HookRequest } from 'portcullis/hooks/http'
import { fakeClock, handshakeOf } from 'portcullis/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../free-port.mjs'
import { type Asked, hookBackend, hooksOf, joining, outcomeOf, user } from './hooks-fixtures.ts'

const POISON = 'room:poison'

/** A back end that fails for a whole request when one question in it is bad. */
async function fragile() {
  const clock = fakeClock()
  const site = await hookBackend()
  site.instead = (items) => (items.some(({ room }) => room === POISON) ? { status: 500, body: '' } : {})
  const hooks = hooksOf(site, { clock })
  const ask = (who: string, room: string) => outcomeOf(hooks.join(joining(room, user(who))))
  return { clock, site, hooks, ask }
}

describe('one who makes the back end fail', () => {
  it('fails once for those who ask with him, and from then on alone', async () => {
    const { hooks, ask } = await fragile()
    const all = (room: (i: number) => string) =>
      Promise.all(Array.from({ length: 20 }, (_, i) => ask(i === 0 ? 'mallory' : `user-${i}`, room(i))))
    const first = await all((i) => (i === 0 ? POISON : `room:${i}`))
    expect(first).toEqual(Array(20).fill(['AUTH_UNAVAILABLE', 'status']))
    for (let round = 0; round < 10; round += 1) {
      const [mallory, ...others] = await all((i) => (i === 0 ? POISON : `room:${i}`))
      expect(mallory).toMatchObject(['AUTH_UNAVAILABLE', expect.any(String)])
      expect(others).toEqual(Array(19).fill(permit()))
    }
    expect(hooks.state().questions.breaker).toBe('closed')
  })

  it('asks with others again after an answer, or 30 seconds after the last failure', async () => {
    const { clock, site, ask } = await fragile()
    const together = async () => {
      site.requests.length = 0
      await Promise.all([ask('mallory', 'room:1'), ask('alice', 'room:2')])
      return site.requests.length
    }
    await ask('mallory', POISON)
    expect(await together()).toBe(2)
    expect(await together()).toBe(1)
    await ask('mallory', POISON)
    await clock.advance(30_000)
    expect(await together()).toBe(1)
  })

  it('is not whoever asks while nothing is there to be reached', async () => {
    const port = await freePort()
    const hooks = hooksOf({ url: `http://127.0.0.1:${port}` })
    const both = () => Promise.all(['alice', 'bob'].map((who) => outcomeOf(hooks.join(joining('room:1', user(who))))))
    expect(await both()).toEqual(Array(2).fill(['AUTH_UNAVAILABLE', 'connect']))
    let requests = 0
    const server = createServer(async (request, response) => {
      requests += 1
      const { items } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as HookRequest
      response.end(JSON.stringify({ items: items.map(({ id }) => ({ id, permit: true })) }))
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    expect([await both(), requests]).toEqual([[permit(), permit()], 1])
  })

  it('by what strangers present shuts nobody out who is connected', async () => {
    const site = await hookBackend(({ type }) => ({ permit: true, ...(type === 'join' ? {} : { subject: 'alice' }) }))
    const isPoison = (item: Asked) => String('credential' in item && item.credential).startsWith('poison')
    site.instead = (items) => (items.some(isPoison) ? { status: 500, body: '' } : {})
    const hooks = hooksOf(site)
    const strategy = hooks.connect({ issuer: 'app' })
    const present = (token: string, address = '192.0.2.66') =>
      outcomeOf(strategy.authenticate(handshakeOf({ headers: { authorization: `Bearer ${token}` }, address }), null))
    const alice = (await present('good')) as { readonly handle: unknown }
    for (let round = 0; round < 10; round += 1) {
      const [joined, renewed] = await Promise.all([
        outcomeOf(hooks.join(joining(`room:${round}`))),
        strategy.revalidate?.([alice.handle]),
        ...Array.from({ length: 3 }, (_, i) => present(`poison-${round}-${i}`)),
      ])
      expect([joined, renewed]).toMatchObject([permit(), [{ identity: { subject: 'alice' } }]])
    }
    expect(hooks.state()).toMatchObject({ questions: { breaker: 'closed' }, connects: { breaker: 'closed' } })
    expect(await present('of somebody elsewhere', '192.0.2.7')).toMatchObject({ identity: { subject: 'alice' } })
  })
})
