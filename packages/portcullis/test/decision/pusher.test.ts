import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  isChannelName,
  isPresenceChannel,
  isSignable,
  personOf,
  socketIdTest,
} from '../../src/channels/pusher-names.ts'
import type { PusherSignerOptions } from '../../src/channels/pusher-options.ts'
import { pusherRule } from '../../src/channels/pusher-rule.ts'
import { pusherSigner } from '../../src/channels/pusher-signature.ts'
import { parseAuth } from '../../src/channels/pusher-text.ts'
import type { RoomRequest } from '../../src/core/policy.ts'
import { fakeClock } from '../../src/testing/fake-clock.ts'
import { verdict } from './refusal.ts'

const KEY = { key: 'newest-key', secret: 'n'.repeat(20) }
const OLD = { key: 'older-key', secret: 'o'.repeat(20) }
const SOCKET = 'Zk3_vT9qLm-0aBcDeF12'
const OTHER = 'Zk3_vT9qLm-0aBcDeF13'
const MEMBER = '{"user_id":"7","user_info":{"name":"a"}}'

const signerOf = (options: Partial<PusherSignerOptions> = {}) => pusherSigner({ keys: [KEY, OLD], ...options })
const rawAuth = (text: string, { key, secret } = KEY, end = '') =>
  `${key}:${createHmac('sha256', secret).update(text).digest('hex')}${end}`

describe('a signature for a channel', () => {
  const verify = (auth: unknown, channel: unknown = 'private-a', channelData?: unknown, socketId: unknown = SOCKET) =>
    signerOf().verifyChannel({ socketId, channel, auth, channelData })

  it('is what Pusher signs, by the newest key', () => {
    expect(signerOf().signChannel(SOCKET, 'private-a')).toEqual({ auth: rawAuth(`${SOCKET}:private-a`) })
    expect(signerOf().signChannel(SOCKET, 'presence-a', MEMBER)).toEqual({
      auth: rawAuth(`${SOCKET}:presence-a:${MEMBER}`),
      channel_data: MEMBER,
    })
    expect(signerOf().signChannel(SOCKET, 'presence-a', { user_id: 7 }).channel_data).toBe('{"user_id":7}')
  })

  it('is verified with any of the keys', () => {
    expect(verify(signerOf().signChannel(SOCKET, 'private-a').auth)).toEqual({ key: 'newest-key', member: null })
    expect(verify(rawAuth(`${SOCKET}:private-a`, OLD))).toEqual({ key: 'older-key', member: null })
    expect(verify(rawAuth(`${SOCKET}:private-a:data`), 'private-a', 'data')).toEqual({
      key: 'newest-key',
      member: null,
    })
  })

  it('names the member of a presence channel', () => {
    expect(verify(rawAuth(`${SOCKET}:presence-a:${MEMBER}`), 'presence-a', MEMBER)).toEqual({
      key: 'newest-key',
      member: { userId: '7', userInfo: { name: 'a' } },
    })
    const alone = '{"user_id":7}'
    expect(verify(rawAuth(`${SOCKET}:presence-a:${alone}`), 'presence-a', alone)?.member).toEqual({
      userId: '7',
      userInfo: null,
    })
    expect(verify(rawAuth(`${SOCKET}:private-a:${MEMBER}`), 'private-a', MEMBER)?.member).toBe(null)
  })

  it('is for this socket, this channel and these bytes alone', () => {
    const auth = rawAuth(`${SOCKET}:private-a`)
    expect(verify(auth, 'private-a', undefined, OTHER)).toBe(null)
    expect(verify(auth, 'private-b')).toBe(null)
    expect(verify(auth, 'private-a', 'data')).toBe(null)
    expect(verify(rawAuth(`${SOCKET}:private-a`, { ...OLD, key: 'unknown' }))).toBe(null)
    expect(verify(rawAuth(`${SOCKET}:private-a`, { ...OLD, key: KEY.key }))).toBe(null)
    expect(verify(rawAuth(`${SOCKET}:presence-a`), 'presence-a')).toBe(null)
    expect(verify(rawAuth(`${SOCKET}:presence-a:{}`), 'presence-a', '{}')).toBe(null)
  })

  it.each([
    [undefined],
    [null],
    [5],
    [''],
    ['newest-key'],
    ['newest-key:'],
    [rawAuth(`${SOCKET}:private-a`).toUpperCase()],
    [rawAuth(`${SOCKET}:private-a`).slice(0, -1)],
    [`${rawAuth(`${SOCKET}:private-a`)}0`],
    [` ${rawAuth(`${SOCKET}:private-a`)}`],
    [rawAuth(`${SOCKET}:private-a`).replace('newest-key', '')],
    [rawAuth(`${SOCKET}:private-a`, KEY, ':5')],
    [[rawAuth(`${SOCKET}:private-a`)]],
  ])('is none as %j', (auth) => expect(verify(auth)).toBe(null))

  it('is not made for what cannot be', () => {
    const sign = (...all: unknown[]) => verdict(() => signerOf().signChannel(...(all as [string, string, string])))
    const refused = (what: string) => `AUTH_ARGUMENTS_INVALID ${what}`
    expect(sign('short', 'private-a')).toBe(refused('socket_id'))
    expect(sign(SOCKET, 'a:b')).toBe(refused('channel'))
    expect(sign(SOCKET, 'presence-a')).toBe(refused('channel_data'))
    expect(sign(SOCKET, 'presence-a', '{}')).toBe(refused('channel_data'))
    expect(sign(SOCKET, 'private-a', '')).toBe(refused('channel_data'))
    expect(sign(SOCKET, 'private-a', 5)).toBe(refused('channel_data'))
    expect(sign(SOCKET, 'private-a', null)).toBe(refused('channel_data'))
    const cycle: Record<string, unknown> = {}
    cycle.self = cycle
    expect(sign(SOCKET, 'private-a', cycle)).toBe(refused('channel_data'))
    expect([verify('x', 'a:b'), verify('x', 5), verify('x', 'a', undefined, 'short')]).toEqual([null, null, null])
  })
})

describe('a signature with an end', () => {
  const END = '1800000061'
  const at = (clock = fakeClock(1_800_000_000_500)) => ({
    clock,
    signer: signerOf({ ttlSeconds: 60, requireExpiry: true, clock }),
    lax: signerOf({ ttlSeconds: 60, clock }),
  })

  it('says until when it may be presented', () => {
    expect(at().signer.signChannel(SOCKET, 'private-a').auth).toBe(
      rawAuth(`${SOCKET}::expires::${END}:private-a`, KEY, `:${END}`),
    )
  })

  it('holds until that second, which cannot be changed', async () => {
    const { clock, signer } = at()
    const { auth } = signer.signChannel(SOCKET, 'private-a')
    const holds = (presented: string) =>
      signer.verifyChannel({ socketId: SOCKET, channel: 'private-a', auth: presented }) !== null
    await clock.advance(60_499)
    expect([holds(auth), holds(auth.replace(END, '1900000000')), holds(auth.replace(`:${END}`, ''))]).toEqual([
      true,
      false,
      false,
    ])
    await clock.advance(1)
    expect(holds(auth)).toBe(false)
  })

  it('is the only one that counts, where that is asked for', () => {
    const { signer, lax } = at()
    const presented = { socketId: SOCKET, channel: 'private-a', auth: rawAuth(`${SOCKET}:private-a`) }
    expect(signer.verifyChannel(presented)).toBe(null)
    expect(lax.verifyChannel(presented)).not.toBe(null)
  })
})

describe('a signature for a user', () => {
  const verify = (auth: unknown, userData: unknown, socketId: unknown = SOCKET) =>
    signerOf().verifyUser({ socketId, auth, userData })

  it('is what Pusher signs', () => {
    const data = '{"id":"7"}'
    const auth = rawAuth(`${SOCKET}::user::${data}`)
    expect(signerOf().signUser(SOCKET, data)).toEqual({ auth, user_data: data })
    expect(signerOf().signUser(SOCKET, { id: '7' })).toEqual({ auth, user_data: data })
    expect(verify(auth, data)).toEqual({ key: 'newest-key', userId: '7', data: { id: '7' } })
    expect(verify(auth, data, OTHER)).toBe(null)
    expect(verify(auth, data, 'short')).toBe(null)
    expect(verify(auth, '{"id":"8"}')).toBe(null)
    expect(verify(auth, undefined)).toBe(null)
    expect(verify(rawAuth(`${SOCKET}::user::{}`), '{}')).toBe(null)
    expect(verify(rawAuth(`${SOCKET}:user:${data}`), data)).toBe(null)
    const unsigned = 'x'.repeat(2049)
    expect(verify(rawAuth(`${SOCKET}::user::${unsigned}`), unsigned)).toBe(null)
    const other = rawAuth('short::user::{"id":"7"}')
    expect(verify(other, data, 'short')).toBe(null)
  })

  it('is not made for what cannot be', () => {
    const sign = (...all: unknown[]) => verdict(() => signerOf().signUser(...(all as [string, string])))
    expect(sign('short', '{"id":"7"}')).toBe('AUTH_ARGUMENTS_INVALID socket_id')
    for (const data of ['{}', '', 5, undefined, null, '{"id":""}', []])
      expect(sign(SOCKET, data)).toBe('AUTH_ARGUMENTS_INVALID user_data')
  })
})

describe('names of Pusher', () => {
  it.each<[unknown, boolean]>([
    ['private-A_z-0=@,.;9', true],
    ['x'.repeat(200), true],
    ['x'.repeat(201), false],
    ['', false],
    ['a:b', false],
    ['a b', false],
    ['a\n', false],
    ['é', false],
    [5, false],
    [['a'], false],
  ])('the channel %j: %s', (value, expected) => expect(isChannelName(value)).toBe(expected))

  it('a channel is one of presence by its first letters', () => {
    expect(['presence-a', 'private-presence-', 'presence'].map(isPresenceChannel)).toEqual([true, false, false])
  })

  it.each<[unknown, boolean]>([
    [SOCKET, true],
    ['123.456', true],
    [`${'1'.repeat(20)}.1`, true],
    [`${'1'.repeat(21)}.1`, false],
    [`${SOCKET}x`, false],
    [SOCKET.slice(1), false],
    ['123', false],
    ['.', false],
    [`${SOCKET}\n`, false],
    ['', false],
    [5, false],
    [[SOCKET], false],
  ])('the socket id %j: %s', (value, expected) => expect(socketIdTest()(value)).toBe(expected))

  it('a socket id may be otherwise, but is one printable word without a colon', () => {
    const isAny = socketIdTest(/.*/s)
    expect(['a', '~!', 'x'.repeat(128)].map(isAny)).toEqual([true, true, true])
    expect(['', 'a:b', 'a b', 'a\n', 'é', 'x'.repeat(129)].map(isAny)).toEqual(Array(6).fill(false))
    const isAlternative = socketIdTest(/a|bc/i)
    expect(['A', 'bc', 'abc', 'ab'].map(isAlternative)).toEqual([true, true, false, false])
    for (const pattern of [/a/g, /a/y, /a/m, 'a'])
      expect(() => socketIdTest(pattern as RegExp)).toThrow(
        '"socketIdPattern" must be a RegExp without the flags g, m and y',
      )
  })

  it.each<[unknown, boolean]>([
    ['a', true],
    ['x'.repeat(2048), true],
    ['x'.repeat(2049), false],
    ['é'.repeat(1024), true],
    ['é'.repeat(1025), false],
    ['😀', true],
    ['\ud83d', false],
    ['', false],
    [5, false],
    [undefined, false],
  ])('signable: %j: %s', (value, expected) => expect(isSignable(value)).toBe(expected))

  it.each<[string, string | null]>([
    ['{"id":"a"}', 'a'],
    ['{"id":7}', '7'],
    ['{"id":-7}', '-7'],
    [`{"id":"${'x'.repeat(128)}"}`, 'x'.repeat(128)],
    [`{"id":"${'x'.repeat(129)}"}`, null],
    ['{"id":7.5}', null],
    ['{"id":9007199254740992}', null],
    ['{"id":""}', null],
    ['{"id":null}', null],
    ['{"id":true}', null],
    ['{"id":"__proto__"}', null],
    ['{"id":"constructor"}', null],
    ['{"user_id":"a"}', null],
    ['{"__proto__":{"id":"a"}}', null],
    ['["id"]', null],
    ['null', null],
    ['"id"', null],
    ['{', null],
  ])('%s names %j', (json, id) => expect(personOf(json, 'id')?.id ?? null).toBe(id))

  it('auth is taken apart into key, signature and end', () => {
    const hex = '0123456789abcdef'.repeat(4)
    expect(parseAuth(`k:${hex}`)).toEqual({ key: 'k', signature: Buffer.from(hex, 'hex'), end: null })
    expect(parseAuth(`k:${hex}:123456789012`)?.end).toBe('123456789012')
    expect(parseAuth(`${'k'.repeat(64)}:${hex}`)?.key).toBe('k'.repeat(64))
    for (const auth of [`${'k'.repeat(65)}:${hex}`, `k:${hex}:`, `k:${hex}:1234567890123`, `k:${hex}:-1`, `k é:${hex}`])
      expect(parseAuth(auth)).toBe(null)
  })
})

describe('pusherRule', () => {
  const joining = (presented: unknown, room = 'presence-a') =>
    pusherRule(signerOf())({ room, socketId: SOCKET, presented } as unknown as RoomRequest)
  const FORBIDDEN = { effect: 'deny', code: 'AUTH_FORBIDDEN' }

  it('permits the room whose channel was signed for this socket', () => {
    const signed = signerOf().signChannel(SOCKET, 'presence-a', MEMBER)
    expect(joining(signed)).toEqual({ effect: 'permit', expiresAt: null })
    expect(joining(signed, 'presence-b')).toEqual(FORBIDDEN)
    expect(joining({ auth: signed.auth })).toEqual(FORBIDDEN)
    expect(joining(Object.create(signed))).toEqual(FORBIDDEN)
  })

  it.each([[undefined], [null], ['text'], [{}], [[]]])('denies with %j', (presented) =>
    expect(joining(presented)).toEqual(FORBIDDEN),
  )

  it('needs a signer', () => {
    for (const signer of [undefined, null, {}, { verifyChannel: true }])
      expect(() => pusherRule(signer as never)).toThrow('"signer" must be made by pusherSigner')
  })
})
