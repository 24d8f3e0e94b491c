/** Signatures that say until when they may be presented, beside Pusher's own, which have no end. */

import { pusherSigner } from 'portcullis/channels/pusher'
import { fakeClock } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'
import { KEY, OLD_KEY, OTHER_SOCKET, rawAuth, SOCKET } from './pusher-fixtures.ts'

const clock = fakeClock()
const END = clock.now() / 1000 + 60
const channel = 'private-orders'
const member = '{"user_id":"7"}'
const user = '{"id":"7"}'

const plain = pusherSigner({ keys: [KEY], clock })
const expiring = pusherSigner({ keys: [KEY], clock, ttlSeconds: 60 })
const strict = pusherSigner({ keys: [KEY], clock, ttlSeconds: 60, requireExpiry: true })

const { auth } = expiring.signChannel(SOCKET, channel)
const [key = '', hex = ''] = auth.split(':')
const holds = (presented: unknown, by = strict, channelData?: unknown, name: string = channel) =>
  by.verifyChannel({ socketId: SOCKET, channel: name, auth: presented, channelData }) !== null

describe('U12: with ttlSeconds, a signature', () => {
  test('says its end in auth, and is made of the text that the documentation names', () => {
    expect(auth).toBe(`${rawAuth(`${SOCKET}::expires::${END}:${channel}`)}:${END}`)
    const seat = expiring.signChannel(SOCKET, 'presence-a', member)
    expect(seat.auth).toBe(`${rawAuth(`${SOCKET}::expires::${END}:presence-a:${member}`)}:${END}`)
    const signedIn = expiring.signUser(SOCKET, user)
    expect(signedIn.auth).toBe(`${rawAuth(`${SOCKET}::expires::${END}::user::${user}`)}:${END}`)
  })

  test('holds until its end and not a millisecond longer, for its socket, channel and bytes alone', async () => {
    const moving = fakeClock()
    const signer = pusherSigner({ keys: [KEY], clock: moving, ttlSeconds: 60, requireExpiry: true })
    const seat = signer.signChannel(SOCKET, 'presence-a', member)
    const signedIn = signer.signUser(SOCKET, user)
    const verdicts = () => [
      signer.verifyChannel({ socketId: SOCKET, channel: 'presence-a', auth: seat.auth, channelData: member })?.member
        ?.userId,
      signer.verifyUser({ socketId: SOCKET, auth: signedIn.auth, userData: user })?.userId,
    ]
    expect(verdicts()).toEqual(['7', '7'])
    const others = { socketId: OTHER_SOCKET, channel: 'presence-a', auth: seat.auth, channelData: member }
    expect(signer.verifyChannel(others)).toBeNull()
    expect(signer.verifyChannel({ ...others, socketId: SOCKET, channel: 'presence-b' })).toBeNull()
    expect(signer.verifyChannel({ ...others, socketId: SOCKET, channelData: `${member} ` })).toBeNull()
    await moving.advance(59_999)
    expect(verdicts()).toEqual(['7', '7'])
    await moving.advance(1)
    expect(verdicts()).toEqual([undefined, undefined])
  })

  test('holds for at least ttlSeconds though the second has begun, and within fractions of one', () => {
    const late = fakeClock(clock.now() + 999)
    expect(pusherSigner({ keys: [KEY], clock: late, ttlSeconds: 60 }).signChannel(SOCKET, channel).auth).toMatch(
      new RegExp(`:${END + 1}$`),
    )
  })

  test('does not hold with another end, another spelling of it, or none', () => {
    expect(holds(auth)).toBe(true)
    const others = [
      `${key}:${hex}`,
      `${key}:${hex}:${END + 1}`,
      `${key}:${hex}:${END - 1}`,
      `${key}:${hex}:0${END}`,
      `${key}:${hex}:+${END}`,
      `${key}:${hex}:${END}.0`,
      `${key}:${hex}:${END} `,
      `${key}:${hex}:${END}\n`,
      `${key}:${hex}:`,
      `${key}:${hex}:null`,
      `${key}:${hex}:${END}:${END}`,
      `${key}:${END}:${hex}`,
      `${key}:${hex}:1e11`,
      `${key}:${hex}:${'9'.repeat(13)}`,
    ]
    for (const other of others) for (const by of [strict, expiring, plain]) expect(holds(other, by), other).toBe(false)
  })

  test('of an old key holds until that key is removed', () => {
    const old = pusherSigner({ keys: [OLD_KEY], clock, ttlSeconds: 60 }).signChannel(SOCKET, channel).auth
    expect(holds(old, pusherSigner({ keys: [KEY, OLD_KEY], clock, ttlSeconds: 60 }))).toBe(true)
    expect(holds(old)).toBe(false)
  })
})

describe('beside Pusher’s own form', () => {
  test('a signer makes that form unless it is told otherwise, and verifies both', () => {
    const own = plain.signChannel(SOCKET, channel).auth
    expect(own).toBe(rawAuth(`${SOCKET}:${channel}`))
    for (const by of [plain, expiring]) expect([holds(own, by), holds(auth, by)]).toEqual([true, true])
  })

  test('U12: with requireExpiry, one without an end is refused, of channels and of users', () => {
    expect(holds(plain.signChannel(SOCKET, channel).auth)).toBe(false)
    const signedIn = plain.signUser(SOCKET, user).auth
    expect(strict.verifyUser({ socketId: SOCKET, auth: signedIn, userData: user })).toBeNull()
    expect(expiring.verifyUser({ socketId: SOCKET, auth: signedIn, userData: user })).not.toBeNull()
  })

  test('U07: one whose channel_data is a number is none with that end, nor the other way round', () => {
    const data = plain.signChannel(SOCKET, channel, String(END)).auth
    for (const by of [plain, expiring, strict]) {
      expect(holds(`${data}:${END}`, by)).toBe(false)
      expect(holds(`${key}:${hex}`, by, String(END))).toBe(false)
      expect(holds(auth, by, String(END))).toBe(false)
    }
  })

  test('U07, U08: no text of one form can be signed as the other', () => {
    for (const name of ['', ':expires', 'expires', ':expires::1', `:expires::${END}:${channel}`, `${END}:${channel}`]) {
      for (const data of [
        undefined,
        channel,
        `${END}:${channel}`,
        `:${END}:${channel}`,
        `expires::${END}:${channel}`,
      ]) {
        expect(holds(`${key}:${hex}`, plain, data, name)).toBe(false)
        expect(holds(auth, plain, data, name)).toBe(false)
      }
    }
    // What signs users is no channel with an end, and what signs channels no user with one.
    const signedIn = expiring.signUser(SOCKET, user).auth
    for (const name of [':user', '', ':user:', ':user::{}']) expect(holds(signedIn, plain, user, name)).toBe(false)
    expect(plain.verifyUser({ socketId: SOCKET, auth, userData: user })).toBeNull()
    // What the application signs as user data cannot pretend to be an end.
    const posing = plain.signUser(SOCKET, { id: `expires::${END}:${channel}` }).auth
    expect(holds(`${posing}:${END}`, plain)).toBe(false)
  })
})
