import { describe, expect, it } from 'vitest'
import { fakeTime, onCleanup, outcome, start } from '../harness.ts'
import { ISSUER, listenTo, news, roomsOf } from '../server/reconcile-fixtures.ts'
import { CHANNEL, newPool, useMembers } from './members-fixtures.ts'
import { membersServer } from './members-server.ts'

const members = useMembers()
/** Longer than the time between two looks at everybody. */
const SOON_MS = 3_000

const { source, follow } = membersServer(members)

describe('rows', () => {
  it('R22: deleted, leave the room; inserted, join it; updated, both; of nobody else', async () => {
    await members.insert('alice', '1')
    await members.insert('bob', '1')
    const { enter, chat } = await follow()
    const [alice, bob] = [await enter('alice'), await enter('bob')]
    await members.remove('alice', '1')
    await expect.poll(() => news(alice.heard)).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
    await members.insert('alice', '2')
    await expect.poll(() => news(alice.heard).at(-1)).toEqual(['auth:joined', 'org:2'])
    await members.pool.query("update members set org_id = '3' where user_id = 'alice'")
    await expect.poll(() => news(alice.heard).at(-1)).toEqual(['auth:joined', 'org:3'])
    expect(news(alice.heard).at(-2)).toEqual(['auth:left', 'org:2', 'AUTH_FORBIDDEN'])
    await members.pool.query("update members set user_id = 'bob' where user_id = 'alice'")
    await expect.poll(() => news(bob.heard)).toEqual([['auth:joined', 'org:3']])
    await expect.poll(() => roomsOf(chat, alice.id)).toEqual([])
  })

  it('truncated, leave everybody without a room', async () => {
    await members.insert('alice', '1')
    const { enter } = await follow()
    const { heard } = await enter('alice')
    await members.pool.query('truncate members')
    await expect.poll(() => news(heard), { timeout: SOON_MS }).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
  })

  it('of a transaction count when it commits', async () => {
    await members.insert('alice', '1')
    const { enter, chat } = await follow()
    const { id, heard } = await enter('alice')
    const client = await members.pool.connect()
    await client.query("begin; delete from members where user_id = 'alice'")
    await members.insert('someone', '1')
    await client.query('rollback')
    client.release()
    members.counting.sent.length = 0
    await members.remove('alice', '1')
    await expect.poll(() => news(heard)).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
    expect(roomsOf(chat, id)).toEqual([])
    expect(members.counting.sent).toHaveLength(1)
  })

  it('of somebody who is not connected cause no query', async () => {
    const { enter } = await follow()
    const { heard } = await enter('alice')
    members.counting.sent.length = 0
    await members.insert('stranger', '1', '2', '3')
    await members.insert('alice', '1')
    await expect.poll(() => news(heard)).toEqual([['auth:joined', 'org:1']])
    expect(members.counting.sent.map(({ values }) => values)).toEqual([[['alice']]])
  })

  it('of a subject too long for a notification concern everybody', async () => {
    const { enter } = await follow()
    const { heard } = await enter('alice')
    await members.pool.query('alter table members disable trigger portcullis_members_row')
    await members.insert('alice', '1')
    await members.pool.query('alter table members enable trigger portcullis_members_row')
    await members.insert('x'.repeat(7_001), '1')
    await expect.poll(() => news(heard), { timeout: SOON_MS }).toEqual([['auth:joined', 'org:1']])
  })
})

describe('the payload', () => {
  it.each([
    ['a target as JSON', {}, JSON.stringify({ issuer: ISSUER, subject: 'alice' })],
    ['a room as JSON', {}, JSON.stringify({ room: 'org:1' })],
    ['what targetOf makes of it', { targetOf: (id: string) => ({ issuer: ISSUER, subject: `al${id}` }) }, 'ice'],
    ['several targets', { targetOf: () => [{ issuer: 'x', subject: 'y' }, { room: 'org:1' }] }, 'ice'],
  ])('may be %s', async (_name, options, payload) => {
    await members.insert('alice', '1')
    const { enter } = await follow(options)
    const { heard } = await enter('alice')
    await members.pool.query('alter table members disable trigger portcullis_members_row')
    await members.remove('alice', '1')
    await members.pool.query('alter table members enable trigger portcullis_members_row')
    await members.pool.query('select pg_notify($1, $2)', [CHANNEL, payload])
    await expect.poll(() => news(heard)).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
  })

  it('that looks like a target is a subject too', async () => {
    const subject = JSON.stringify({ issuer: ISSUER, subject: 'bob' })
    await members.insert(subject, '1')
    const { enter } = await follow()
    const { heard } = await enter(subject)
    await members.remove(subject, '1')
    await expect.poll(() => news(heard)).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
  })

  it('of somebody of another issuer, of a channel of others, and null, concern nobody', async () => {
    const { enter } = await follow({
      targetOf: (payload) => (payload === 'nobody' ? null : { issuer: 'x', subject: payload }),
    })
    const { heard, socket } = await enter('alice')
    members.counting.sent.length = 0
    for (const payload of ['nobody', 'alice']) await members.pool.query('select pg_notify($1, $2)', [CHANNEL, payload])
    await members.pool.query('select pg_notify($1, $2)', [`${CHANNEL} 2`, 'alice'])
    await members.insert('alice', '1')
    await socket.emitWithAck('auth:whoami')
    expect(members.counting.sent).toEqual([])
    expect(heard).toEqual([])
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('cannot be read')
      },
    ],
    ['gives no target', () => ({ subject: 'alice' }) as never],
  ])('for which targetOf %s is reported, and nobody is forgotten', async (_name, targetOf) => {
    await members.insert('alice', '1')
    const errors: unknown[] = []
    const { enter } = await follow({
      targetOf,
      onError(error) {
        errors.push(error)
        throw new Error('cannot be reported')
      },
    })
    const { heard } = await enter('alice')
    await members.remove('alice', '1')
    await expect.poll(() => news(heard), { timeout: SOON_MS }).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
    expect(errors).toHaveLength(1)
  })
})

describe('listen', () => {
  it('looks at everybody at most once a second, however often it is told to, and for the last time after the last', async () => {
    const time = fakeTime()
    const { enter, stop } = await follow({ clock: time.clock })
    const { heard } = await enter('alice')
    members.counting.sent.length = 0
    for (let i = 0; i < 30; i += 1) await members.pool.query('select pg_notify($1, $2)', [CHANNEL, ''])
    await members.insert('alice', '1')
    await expect.poll(() => news(heard)).toEqual([['auth:joined', 'org:1']])
    expect(members.counting.sent).toHaveLength(1)
    time.advance(1_000)
    await expect.poll(() => members.counting.sent.length).toBe(2)
    await members.pool.query('select pg_notify($1, $2)', [CHANNEL, ''])
    await members.insert('alice', '2')
    await expect.poll(() => news(heard).at(-1)).toEqual(['auth:joined', 'org:2'])
    time.advance(999)
    expect(members.counting.sent).toHaveLength(3)
    await stop()
    expect(time.pending()).toBe(0)
  })

  it('is heard by two guards, each for itself, until it is stopped', async () => {
    await members.insert('alice', '1')
    const [a, b] = [await follow(), await follow()]
    const [one, two] = [await a.enter('alice'), await b.enter('alice')]
    await members.remove('alice', '1')
    for (const { heard } of [one, two]) {
      await expect.poll(() => news(heard)).toEqual([['auth:left', 'org:1', 'AUTH_FORBIDDEN']])
    }
    await a.stop()
    await a.stop()
    await members.insert('alice', '2')
    await expect.poll(() => news(two.heard).at(-1)).toEqual(['auth:joined', 'org:2'])
    await one.socket.emitWithAck('auth:whoami')
    expect(one.heard).toHaveLength(1)
  })

  it('looks at everybody who was there before', async () => {
    const { io, auth, client, records } = await start()
    const { memberships, listen } = source()
    auth.protect(io.of('/chat'), { events: {}, memberships })
    records.set('alice', { subject: 'alice' })
    const socket = client('/chat', { auth: { token: 'alice' } })
    const heard = listenTo(socket)
    await outcome(socket)
    await members.insert('alice', '1')
    onCleanup(await listen(auth))
    await expect.poll(() => news(heard)).toEqual([['auth:joined', 'org:1']])
  })

  it('rejects when Postgres cannot be reached, or cannot be had in time', async () => {
    const { auth } = await start()
    const away = newPool({ connectionString: 'postgres://nobody@127.0.0.1:1/none' })
    await expect(source({ pool: away }).listen(auth)).rejects.toThrow(/^memberships: .*ECONNREFUSED/)
    await away.end()
    const busy = newPool({ max: 2 })
    const taken = [await busy.connect(), await busy.connect()]
    await expect(source({ pool: busy, queryTimeoutMs: 50 }).listen(auth)).rejects.toThrow('did not answer within 50 ms')
    for (const client of taken) client.release()
    // What came too late went back, and was thrown away.
    await expect.poll(() => busy.waitingCount).toBe(0)
    await busy.end()
    await expect(source().listen({} as never)).rejects.toThrow(TypeError)
  })
})
