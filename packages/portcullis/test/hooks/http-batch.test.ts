import { permit } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { gate } from '../harness.ts'
import { hookBackend, hooksOf, joining, outcomeOf, sending, user } from './hooks-fixtures.ts'

describe('hooks that are asked together', () => {
  it('50 joins in flight are one request, and each has its own answer', async () => {
    const site = await hookBackend((item) => ({ permit: Number(String(item.room).split(':')[1]) % 2 === 0 }))
    const hooks = hooksOf(site)
    const rooms = Array.from({ length: 50 }, (_, i) => `organization:${i}`)
    const decisions = await Promise.all(rooms.map((room) => hooks.join(joining(room))))
    expect(site.requests.map(({ length }) => length)).toEqual([50])
    expect(decisions.map(({ effect }) => effect)).toEqual(rooms.map((_, i) => (i % 2 === 0 ? 'permit' : 'deny')))
  })

  it('go as soon as a batch is full, and the rest of them after the wait', async () => {
    const site = await hookBackend()
    const hooks = hooksOf(site, { batch: { size: 10, waitMs: 5 } })
    await Promise.all(Array.from({ length: 25 }, (_, i) => hooks.join(joining(`room:${i}`))))
    expect(site.requests.map(({ length }) => length).sort()).toEqual([10, 10, 5])
  })

  it('are split where they would be more than 256 KiB', async () => {
    const site = await hookBackend()
    const hooks = hooksOf(site)
    const events = Array.from({ length: 4 }, (_, i) => hooks.event(sending('say', [`${i}${'x'.repeat(100_000)}`])))
    expect(await Promise.all(events)).toEqual(Array(4).fill(permit()))
    expect(site.requests.map(({ length }) => length)).toEqual([2, 2])
  })

  it('are one question where they are the same, and two where the claims differ', async () => {
    const site = await hookBackend()
    const hooks = hooksOf(site)
    const room = 'organization:1'
    const [alice, renamed] = [user('alice'), user('alice', { org: 'globex' })]
    await Promise.all([...Array(20).fill(alice), renamed].map((who) => hooks.join(joining(room, who))))
    expect(site.items()).toHaveLength(2)
  })

  it('do not wait for a request that is slow', async () => {
    const { promise, open } = gate()
    const site = await hookBackend()
    site.wait = ([first]) => (first?.room === 'slow:1' ? promise : undefined)
    const hooks = hooksOf(site, { batch: { waitMs: 0 } })
    const slow = hooks.join(joining('slow:1'))
    await expect.poll(() => site.requests.length).toBe(1)
    expect(await hooks.join(joining('quick:1'))).toEqual(permit())
    open()
    expect(await slow).toEqual(permit())
  })

  it('are refused at once, as AUTH_UNAVAILABLE, where too many wait', async () => {
    const { promise, open } = gate()
    const site = await hookBackend()
    site.wait = () => promise
    const hooks = hooksOf(site, { maxConcurrent: 1, maxQueued: 1, batch: { size: 1 } })
    const asked = [1, 2, 3].map((room) => outcomeOf(hooks.join(joining(`room:${room}`))))
    expect(await asked[2]).toEqual(['AUTH_UNAVAILABLE', 'busy'])
    open()
    expect(await Promise.all(asked.slice(0, 2))).toEqual([permit(), permit()])
  })
})

describe('an event to act upon', () => {
  it('is a request of its own, and waits neither for questions nor for another that is slow', async () => {
    const { promise, open } = gate()
    const site = await hookBackend(({ type, event }) => ({
      permit: true,
      ...(type === 'handle' ? { reply: [event] } : {}),
    }))
    site.wait = ([first]) => (first?.event === 'slow' || first?.type === 'join' ? promise : undefined)
    const hooks = hooksOf(site, { maxConcurrent: 2 })
    const joins = [1, 2, 3].map((room) => hooks.join(joining(`room:${room}`)))
    const slow = hooks.handle(sending('slow'))
    expect(await hooks.handle({ ...sending('quick', [1, { a: null }]), socketId: 's1' })).toEqual({
      reply: ['quick'],
      publish: [],
    })
    open()
    expect((await slow).reply).toEqual(['slow'])
    await Promise.all(joins)
    expect(site.requests.filter(([first]) => first?.type === 'handle').map(({ length }) => length)).toEqual([1, 1])
    expect(site.items().find(({ event }) => event === 'quick')).toMatchObject({
      args: [1, { a: null }],
      socketId: 's1',
    })
  })

  it('is sent once, where a question is asked again when its connection turns out to be closed', async () => {
    const site = await hookBackend()
    const hooks = hooksOf(site)
    await hooks.handle(sending('first'))
    await hooks.join(joining('room:1'))
    site.isDown = true
    expect(await outcomeOf(hooks.handle(sending('second')))).toEqual(['AUTH_UNAVAILABLE', 'reset'])
    expect(await outcomeOf(hooks.join(joining('room:2')))).toEqual(['AUTH_UNAVAILABLE', 'reset'])
    expect(site.items().map(({ event, room }) => event ?? room)).toEqual([
      'first',
      'room:1',
      'second',
      'room:2',
      'room:2',
    ])
  })

  it('gives what is to be sent to a room, to a user and to everybody', async () => {
    const publish = [
      { to: { room: 'organization:7' }, event: 'news', args: ['hello', 1] },
      { to: { user: { issuer: 'app', subject: '42' } }, event: 'note' },
      { namespace: '/admin', to: { namespace: true }, event: 'seen', args: [] },
    ]
    const hooks = hooksOf(await hookBackend(() => ({ permit: true, publish })))
    const handled = await hooks.handle(sending('post'))
    expect(handled).toEqual({ publish: publish.map((one) => ({ args: [], ...one })) })
  })

  it.each([
    ['a name of ours', { event: 'auth:closed' }],
    ['a name of Socket.IO', { event: 'disconnect' }],
    ['no target', { to: {} }],
    ['two targets', { to: { room: 'a', namespace: true } }],
    ['a user without an issuer', { to: { user: { subject: '42' } } }],
    ['a namespace without a slash', { namespace: 'admin' }],
    ['arguments that are no list', { args: { 0: 'a' } }],
    ['a member that is not known', { volatil: true }],
  ])('is undecided when it is to send %s', async (_name, wrong) => {
    const hooks = hooksOf(
      await hookBackend(() => ({ permit: true, publish: [{ to: { room: 'a' }, event: 'news', args: [], ...wrong }] })),
    )
    expect(await outcomeOf(hooks.handle(sending('post')))).toEqual(['AUTH_UNAVAILABLE', 'answer_malformed'])
  })

  it('that the back end refuses rejects with its code', async () => {
    const hooks = hooksOf(await hookBackend(() => ({ permit: false, code: 'AUTH_RATE_LIMITED' })))
    expect(await outcomeOf(hooks.handle(sending('post')))).toEqual(['AUTH_RATE_LIMITED', 'refused_by_back_end'])
  })
})

describe('what a client sends', () => {
  it.each([
    ['binary data', Buffer.from('x'), 'not_json'],
    ['half of a character', 'a\ud800b', 'not_unicode'],
    ['half of a character in a name', { '\udc00': 1 }, 'not_unicode'],
    ['65 levels', JSON.parse('['.repeat(63) + ']'.repeat(63)), 'too_deep'],
    ['100,000 levels', JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)), 'not_json'],
    ['300 KB', 'x'.repeat(300_000), 'too_long'],
  ])('is refused before it is sent, and spoils it for nobody else: %s', async (_name, arg, reason) => {
    const site = await hookBackend()
    const hooks = hooksOf(site)
    const [bad, good] = await Promise.all([
      outcomeOf(hooks.event(sending('say', [arg]))),
      outcomeOf(hooks.event(sending('say', ['\\ud800 [[ "quoted" \ud83d\ude00']))),
    ])
    expect([bad, good]).toEqual([['AUTH_ARGUMENTS_INVALID', reason], permit()])
    expect(site.items()).toHaveLength(1)
  })
})
