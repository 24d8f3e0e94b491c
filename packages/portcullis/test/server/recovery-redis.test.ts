/** What is in Redis may have been read, and written, by anybody who can. */

import { decode, encode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import { onCleanup } from '../harness.ts'
import {
  comeBack,
  connectRedis,
  judgements,
  lose,
  nodes,
  POLICY,
  present,
  say,
  settled,
  WAIT,
} from './recovery-fixtures.ts'

interface Kept {
  sid: string
  pid: string
  rooms: string[]
  data: Record<string, unknown>
}

/** The one session that is kept under this pid, and a way to put another in its place. */
async function keptUnder(pid: string) {
  const redis = await connectRedis()
  onCleanup(() => redis.close())
  let key = ''
  await expect
    .poll(async () => {
      key = (await redis.keys(`*:session:${pid}`))[0] ?? ''
      return key
    })
    .not.toBe('')
  const session = decode(Buffer.from((await redis.get(key)) as string, 'base64')) as Kept
  return {
    session,
    write: (value: unknown) => redis.set(key, Buffer.from(encode(value)).toString('base64'), { PX: 60_000 }),
  }
}

async function away(room?: string) {
  const both = await nodes('streams')
  both.from.io.of('/chat').on('connection', (socket) => {
    socket.data.note = 'mine'
  })
  const listener = await present(both.from, 'alice-key', room)
  const { _pid } = listener.client as unknown as { _pid: string }
  const id = await lose(both.from, listener)
  return { ...both, listener, id, ...(await keptUnder(_pid)) }
}

describe('a session in Redis', () => {
  it('Q08: holds no credential, no claim and nothing of the handshake', async () => {
    const { session } = await away('room:acme:a')
    expect(Object.keys(session.data).sort()).toEqual(['note', 'portcullis|away'])
    const record = JSON.parse(session.data['portcullis|away'] as string)
    expect(Object.keys(record).sort()).toEqual(
      ['expiresAt', 'grants', 'issuedAt', 'issuer', 'memberships', 'names', 'rooms', 'subject', 'version'].sort(),
    )
    expect(JSON.stringify(session)).not.toMatch(/alice-key|chat:read|session-of-alice/)
  })

  it('R17: gives nobody a room, whatever is written into it', async () => {
    const { session, write, from, to, listener, id } = await away()
    const record = JSON.parse(session.data['portcullis|away'] as string)
    const since = record.rooms[0][1]
    await write({
      ...session,
      rooms: [...session.rooms, 'org:globex', 'room:globex:a', 'room:acme:b'],
      data: {
        identity: { subject: 'root' },
        lease: {},
        'portcullis|away': JSON.stringify({
          ...record,
          memberships: ['org:acme', 'org:globex'],
          grants: [['room:globex:a', null]],
          rooms: [...record.rooms, ['org:globex', since], ['room:globex:a', since], ['room:acme:b', since]],
        }),
      },
    })
    await say(from, 'org:globex', 'not mine')
    await say(from, 'room:globex:a', 'not mine')
    await say(from, 'org:acme', 'mine')
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    expect((await settled(to, again)).filter(([event]) => event === 'news')).toEqual([['news', 'mine']])
    const socket = to.io.of('/chat').sockets.get(id)
    expect([...(socket?.rooms ?? [])].sort()).toEqual([id, 'org:acme', 'room:acme:b'].sort())
    expect(socket?.data).toMatchObject({ identity: { subject: 'alice' }, lease: { id: 'alice' } })
  })

  it.each<[string, (session: Kept, record: Record<string, unknown>) => unknown, string]>([
    ['of another principal', (session, record) => with_(session, { ...record, subject: 'bob' }), 'principal'],
    [
      'of another issuer',
      (session, record) => with_(session, { ...record, issuer: 'https://other.example' }),
      'principal',
    ],
    ['of another version', (session, record) => with_(session, { ...record, version: 2 }), 'malformed'],
    ['without a record', (session) => ({ ...session, data: { note: 'mine' } }), 'malformed'],
    [
      'whose record is no text',
      (session, record) => ({ ...session, data: { 'portcullis|away': record } }),
      'malformed',
    ],
    ['whose record is no JSON', (session) => ({ ...session, data: { 'portcullis|away': '{' } }), 'malformed'],
    ['whose record is null', (session) => with_(session, null), 'malformed'],
    ['without data', (session) => ({ ...session, data: null }), 'malformed'],
    ['whose data is a text', (session) => ({ ...session, data: 'text' }), 'malformed'],
    ['with the name of a room as its id', (session) => ({ ...session, sid: 'org:globex' }), 'malformed'],
    ['without an id', (session) => ({ ...session, sid: 7 }), 'malformed'],
    ['issued never', (session, record) => with_(session, { ...record, issuedAt: null }), 'malformed'],
    ['that ends at a text', (session, record) => with_(session, { ...record, expiresAt: 'never' }), 'malformed'],
    ['that has ended', (session, record) => with_(session, { ...record, expiresAt: 1 }), 'expired'],
    ['with names that are none', (session, record) => with_(session, { ...record, names: [7] }), 'malformed'],
    ['with names in no list', (session, record) => with_(session, { ...record, names: 'alice' }), 'malformed'],
    ['with rooms that are none', (session, record) => with_(session, { ...record, rooms: ['a'] }), 'malformed'],
    ['with a room since a number', (session, record) => with_(session, { ...record, rooms: [['a', 1]] }), 'malformed'],
    [
      'with a room in a triple',
      (session, record) => with_(session, { ...record, rooms: [['a', null, 1]] }),
      'malformed',
    ],
    [
      'with a room that is a number',
      (session, record) => with_(session, { ...record, rooms: [[1, null]] }),
      'malformed',
    ],
    ['with a grant without an end', (session, record) => with_(session, { ...record, grants: [['a']] }), 'malformed'],
    [
      'with memberships that are none',
      (session, record) => with_(session, { ...record, memberships: [null] }),
      'malformed',
    ],
    [
      'with far too many rooms',
      (session, record) => with_(session, { ...record, rooms: Array(10_001).fill(['a', '1-1']) }),
      'malformed',
    ],
    ['that knows of no room', (session, record) => with_(session, { ...record, rooms: [] }), 'history'],
    [
      'in its room since no moment',
      (session, record) => with_(session, { ...record, rooms: [[session.sid, null]] }),
      'history',
    ],
    ['that is no session', () => 7, 'failed'],
  ])('one %s makes a new socket', async (_name, forge, reason) => {
    const { session, write, from, to, listener, id } = await away()
    await write(forge(session, JSON.parse(session.data['portcullis|away'] as string)))
    await say(from, 'org:acme', 'missed')
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(again.client.id).not.toBe(id)
    expect(await settled(to, again)).toEqual([])
    expect(judgements(to)).toEqual([reason])
  })

  it('one with the id of somebody who is there makes a new socket', async () => {
    const { session, write, to, listener } = await away()
    const bob = await present(to, 'bob-key')
    const record = JSON.parse(session.data['portcullis|away'] as string)
    const rooms = [[bob.client.id, record.rooms[0][1]], ...record.rooms]
    await write({ ...session, sid: bob.client.id, data: { 'portcullis|away': JSON.stringify({ ...record, rooms }) } })
    const again = await comeBack(to, listener)
    expect([again.refused, again.recovered]).toEqual([null, false])
    expect(judgements(to)).toEqual(['undecided_room'])
    await write({
      ...session,
      sid: bob.client.id,
      data: {
        'portcullis|away': JSON.stringify({
          ...record,
          rooms: [
            [bob.client.id, record.rooms[0][1]],
            ['org:acme', record.rooms[0][1]],
          ],
        }),
      },
    })
    expect((await comeBack(to, listener)).recovered).toBe(false)
    expect(judgements(to)).toEqual(['undecided_room', 'id_taken'])
    to.io
      .of('/chat')
      .sockets.get(bob.client.id as string)
      ?.emit('news', 'for bob')
    await expect.poll(() => bob.heard, WAIT).toEqual([['news', 'for bob']])
  })

  it('a server that shuts down keeps its sockets for the next', async () => {
    const { from, to } = await nodes('streams', POLICY)
    const listener = await present(from)
    await from.io.close()
    await say(to, 'org:acme', 'missed')
    const again = await comeBack(to, listener)
    expect(again.recovered).toBe(true)
    expect((await settled(to, again)).map(([, message]) => message)).toEqual(['missed'])
  })
})

function with_(session: Kept, record: unknown): Kept {
  return { ...session, data: { 'portcullis|away': JSON.stringify(record) } }
}
