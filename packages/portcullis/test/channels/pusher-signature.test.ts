import { inspect } from 'node:util'
import { AuthError } from 'portcullis'
import { type PusherSignerOptions, pusherSigner } from 'portcullis/channels/pusher'
import Pusher from 'pusher'
import { describe, expect, test } from 'vitest'
import { KEY, OLD_KEY, OTHER_SOCKET, present, rawAuth, SOCKET, vectors } from './pusher-fixtures.ts'

const signer = pusherSigner({ keys: [KEY] })
const channel = 'private-orders'
const presence = 'presence-room'
const member = '{"user_id":"7","user_info":{"name":"Ann"}}'
const { auth } = signer.signChannel(SOCKET, channel)
const seat = signer.signChannel(SOCKET, presence, member)

/** The code and reason with which signing refuses; fails when it signs. */
function refusalOf(sign: () => unknown): readonly [string, string | undefined] {
  try {
    sign()
  } catch (error) {
    if (AuthError.is(error)) return [error.code, error.reason]
    throw error
  }
  throw new Error('it was signed')
}

/** What a careless signer would make of it. */
const shown = (value: unknown) => (typeof value === 'string' ? value : inspect(value))

describe.runIf(present)('the recorded vectors', () => {
  test('are all there', () => {
    const { positive, invalid_socket_ids, invalid_channels } = vectors
    expect([positive.length, invalid_socket_ids.length, invalid_channels.length]).toEqual([16, 22, 15])
  })

  for (const { kind, key, secret, string_to_sign: text, signature } of vectors.positive) {
    test(`U01: ${text} is signed and verified as recorded`, () => {
      const one = pusherSigner({ keys: [{ key, secret }] })
      const socketId = text.slice(0, text.indexOf(':'))
      if (kind === 'user') {
        const userData = text.slice(`${socketId}::user::`.length)
        const signed = one.signUser(socketId, userData)
        expect(signed).toEqual({ auth: `${key}:${signature}`, user_data: userData })
        expect(one.verifyUser({ socketId, auth: signed.auth, userData })?.data).toEqual(JSON.parse(userData))
        return
      }
      const rest = text.slice(socketId.length + 1)
      const colon = rest.indexOf(':')
      const name = colon === -1 ? rest : rest.slice(0, colon)
      const channelData = colon === -1 ? undefined : rest.slice(colon + 1)
      const signed = one.signChannel(socketId, name, channelData)
      expect(signed.auth).toBe(`${key}:${signature}`)
      expect(signed.channel_data).toBe(channelData)
      expect(one.verifyChannel({ socketId, channel: name, auth: signed.auth, channelData })?.key).toBe(key)
    })
  }

  for (const socketId of vectors.invalid_socket_ids) {
    test(`U02: the socket id ${JSON.stringify(socketId)} is refused, and verifies nothing`, () => {
      expect(refusalOf(() => signer.signChannel(socketId as string, channel))).toEqual([
        'AUTH_ARGUMENTS_INVALID',
        'socket_id',
      ])
      expect(refusalOf(() => signer.signUser(socketId as string, { id: '1' }))[1]).toBe('socket_id')
      expect(signer.verifyChannel({ socketId, channel, auth: rawAuth(`${shown(socketId)}:${channel}`) })).toBeNull()
    })
  }

  for (const name of vectors.invalid_channels) {
    test(`U02: the channel ${JSON.stringify(name)?.slice(0, 40)} is refused, and verifies nothing`, () => {
      expect(refusalOf(() => signer.signChannel(SOCKET, name as string))).toEqual(['AUTH_ARGUMENTS_INVALID', 'channel'])
      expect(
        signer.verifyChannel({ socketId: SOCKET, channel: name, auth: rawAuth(`${SOCKET}:${shown(name)}`) }),
      ).toBeNull()
    })
  }
})

describe('beside the official server library', () => {
  const pusher = new Pusher({ appId: '1', key: KEY.key, secret: KEY.secret, cluster: 'eu' })

  test('channels, presence channels and users are signed alike', () => {
    for (const id of ['1234.1234', '1.1', '99999999.88888888']) {
      expect(signer.signChannel(id, channel)).toEqual(pusher.authorizeChannel(id, channel))
      const data = { user_id: 'ü7', user_info: { name: '日本' } }
      expect(signer.signChannel(id, presence, data)).toEqual(pusher.authorizeChannel(id, presence, data))
      expect(signer.signUser(id, { id: 'ü7' })).toEqual(pusher.authenticateUser(id, { id: 'ü7' }))
    }
  })

  test('what it signs is verified here', () => {
    const signed = pusher.authorizeChannel('12.34', presence, { user_id: '7', user_info: { name: 'Ann' } })
    const { auth, channel_data: channelData } = signed
    expect(signer.verifyChannel({ socketId: '12.34', channel: presence, auth, channelData })).toEqual({
      key: KEY.key,
      member: { userId: '7', userInfo: { name: 'Ann' } },
    })
  })
})

describe('a channel signature', () => {
  test('holds for its socket, its channel and its bytes', () => {
    expect(signer.verifyChannel({ socketId: SOCKET, channel, auth })).toEqual({ key: KEY.key, member: null })
    const { auth: own, channel_data: channelData } = seat
    expect(signer.verifyChannel({ socketId: SOCKET, channel: presence, auth: own, channelData })?.member).toEqual({
      userId: '7',
      userInfo: { name: 'Ann' },
    })
  })

  test('U03: a channel hidden in the socket id is refused', () => {
    const socketId = '1.1:private-admin'
    expect(refusalOf(() => signer.signChannel(socketId, 'private-me'))[1]).toBe('socket_id')
    const forged = rawAuth('1.1:private-admin:private-me')
    expect(signer.verifyChannel({ socketId, channel: 'private-me', auth: forged })).toBeNull()
  })

  test('U03: nor does a pattern of the application let the separator through', () => {
    const loose = pusherSigner({ keys: [KEY], socketIdPattern: /[\s\S]*/ })
    for (const id of ['1.1:private-admin', 'a b', 'a\n', 'é', '', 'x'.repeat(129)])
      expect(loose.isSocketId(id)).toBe(false)
    expect(loose.isSocketId('any-word#1')).toBe(true)
  })

  test('U04: of one socket does not hold for another', () => {
    expect(signer.verifyChannel({ socketId: OTHER_SOCKET, channel, auth })).toBeNull()
    expect(signer.verifyChannel({ socketId: SOCKET.toLowerCase(), channel, auth })).toBeNull()
  })

  test('U05: of one channel does not hold for another, nor in other case', () => {
    for (const other of ['private-order', 'private-orders2', 'private-Orders', 'presence-orders', 'orders']) {
      expect(signer.verifyChannel({ socketId: SOCKET, channel: other, auth })).toBeNull()
    }
  })

  test('U06: does not hold for changed, re-serialised, swapped, missing or added channel_data', () => {
    const verify = (channelData: unknown) =>
      signer.verifyChannel({ socketId: SOCKET, channel: presence, auth: seat.auth, channelData })
    expect(verify(member)).not.toBeNull()
    const others: unknown[] = [
      '{"user_id":"8","user_info":{"name":"Ann"}}',
      '{"user_info":{"name":"Ann"},"user_id":"7"}',
      '{"user_id": "7","user_info":{"name":"Ann"}}',
      '{"user_id":7,"user_info":{"name":"Ann"}}',
      '{"user_id":"\\u0037","user_info":{"name":"Ann"}}',
      `${member} `,
      `${member}\n`,
      JSON.parse(member),
      Buffer.from(member),
      [member],
      '',
      undefined,
      null,
    ]
    for (const other of others) expect(verify(other), inspect(other)).toBeNull()
    expect(signer.verifyChannel({ socketId: SOCKET, channel, auth, channelData: member })).toBeNull()
    expect(signer.verifyChannel({ socketId: SOCKET, channel, auth, channelData: '' })).toBeNull()
  })

  test('U06: does not hold for a lone surrogate that becomes the same bytes', () => {
    const signed = signer.signChannel(SOCKET, channel, '"\uFFFD"')
    const verify = (channelData: string) =>
      signer.verifyChannel({ socketId: SOCKET, channel, auth: signed.auth, channelData })
    expect(verify('"\uFFFD"')).not.toBeNull()
    expect(verify('"\uD800"')).toBeNull()
    expect(refusalOf(() => signer.signChannel(SOCKET, channel, '"\uD800"'))[1]).toBe('channel_data')
  })

  test('U07: a colon in a channel is refused, since a part of its name could pass for data', () => {
    const split = signer.signChannel(SOCKET, 'private-a', 'b')
    expect(signer.verifyChannel({ socketId: SOCKET, channel: 'private-a:b', auth: split.auth })).toBeNull()
    expect(refusalOf(() => signer.signChannel(SOCKET, 'private-a:b'))[1]).toBe('channel')
  })

  test('U08: a user signature is no channel signature, and the other way round', () => {
    const user = signer.signUser(SOCKET, { id: '7' })
    for (const name of ['', ':user:', 'user', ':user::{"id":"7"}', '#server-to-user-7']) {
      for (const channelData of [undefined, user.user_data, `user::${user.user_data}`, `:${user.user_data}`]) {
        expect(signer.verifyChannel({ socketId: SOCKET, channel: name, auth: user.auth, channelData })).toBeNull()
      }
    }
    expect(signer.verifyUser({ socketId: SOCKET, auth, userData: '{"id":"7"}' })).toBeNull()
    expect(signer.verifyUser({ socketId: SOCKET, auth: seat.auth, userData: member })).toBeNull()
    expect(signer.verifyUser({ socketId: SOCKET, auth: user.auth, userData: user.user_data })).toEqual({
      key: KEY.key,
      userId: '7',
      data: { id: '7' },
    })
  })

  test('U09: a newline at the end of a socket id or a channel is refused', () => {
    for (const end of ['\n', '\r\n', '\u2028', '\0', ' ']) {
      expect(refusalOf(() => signer.signChannel(`${SOCKET}${end}`, channel))[1]).toBe('socket_id')
      expect(refusalOf(() => signer.signChannel(SOCKET, `${channel}${end}`))[1]).toBe('channel')
      const forged = { auth: rawAuth(`${SOCKET}:${channel}${end}`), socketId: SOCKET, channel: `${channel}${end}` }
      expect(signer.verifyChannel(forged)).toBeNull()
      expect(signer.verifyChannel({ socketId: SOCKET, channel, auth: `${auth}${end}` })).toBeNull()
    }
  })

  test('U10: anything but key:signature in lower-case hex is refused, without an exception', () => {
    const hex = auth.slice(auth.indexOf(':') + 1)
    const others: unknown[] = [
      undefined,
      null,
      1,
      true,
      [auth],
      { auth },
      { toString: () => auth },
      Symbol('auth'),
      '',
      ':',
      `${KEY.key}:`,
      KEY.key,
      `:${hex}`,
      hex,
      `another:${hex}`,
      `__proto__:${hex}`,
      `constructor:${hex}`,
      `${KEY.key}:${hex.toUpperCase()}`,
      `${KEY.key}:${hex.slice(1)}`,
      `${KEY.key}:${hex}0`,
      `${KEY.key}:${hex.slice(2)}`,
      `${KEY.key}:${hex}00`,
      `${KEY.key}:${hex.slice(1)}١`,
      `${KEY.key}:${hex.slice(1)}é`,
      `${KEY.key}:${'0'.repeat(64)}`,
      `${KEY.key}:${'é'.repeat(32)}`,
      ` ${auth}`,
      `${auth}:${hex}`,
      `${KEY.key}:${KEY.key}:${hex}`,
      'x'.repeat(1_000_000),
    ]
    for (const other of others) {
      expect(signer.verifyChannel({ socketId: SOCKET, channel, auth: other })).toBeNull()
      expect(signer.verifyUser({ socketId: SOCKET, auth: other, userData: '{"id":"7"}' })).toBeNull()
    }
    expect(signer.verifyChannel({ socketId: SOCKET, channel, auth })).not.toBeNull()
  })

  test('U11: a near miss takes as long as a far one', () => {
    const [key = '', hex = ''] = auth.split(':')
    const flipped = (digit: string) => (digit === '0' ? '1' : '0')
    const early = `${key}:${flipped(hex.charAt(0))}${hex.slice(1)}`
    const late = `${key}:${hex.slice(0, 63)}${flipped(hex.charAt(63))}`
    const took = { early: [] as number[], late: [] as number[] }
    for (let round = 0; round < 200; round += 1) {
      // In turns, so that whatever slows the machine slows both.
      for (const [which, presented] of round % 2 === 0
        ? ([
            ['early', early],
            ['late', late],
          ] as const)
        : ([
            ['late', late],
            ['early', early],
          ] as const)) {
        const startedMs = performance.now()
        for (let i = 0; i < 250; i += 1) {
          if (signer.verifyChannel({ socketId: SOCKET, channel, auth: presented }) !== null) throw new Error('accepted')
        }
        took[which].push(performance.now() - startedMs)
      }
    }
    const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1] ?? 0
    expect(Math.abs(median(took.early) - median(took.late)) / median(took.late)).toBeLessThan(0.25)
  })

  test('U13: channel_data that names nobody for certain, or exceeds 2048 bytes, is neither signed nor verified', () => {
    const bad = [
      '{"user_id":"__proto__"}',
      '{"user_id":"constructor"}',
      '{"__proto__":{"user_id":"7"}}',
      '{"user_id":{"id":"7"}}',
      '{"user_id":["7"]}',
      '{"user_id":null}',
      '{"user_id":true}',
      '{"user_id":""}',
      '{"user_id":1.5}',
      '{"user_id":9007199254740993}',
      `{"user_id":"${'7'.repeat(129)}"}`,
      '{"user_info":{}}',
      '"7"',
      '["7"]',
      'null',
      '7',
      '{',
      `{"user_id":"7","user_info":"${'x'.repeat(1_000_000)}"}`,
      `{"user_id":"7","user_info":"${'é'.repeat(1020)}"}`,
    ]
    for (const channelData of bad) {
      const short = channelData.slice(0, 60)
      expect(refusalOf(() => signer.signChannel(SOCKET, presence, channelData))[1], short).toBe('channel_data')
      const forged = rawAuth(`${SOCKET}:${presence}:${channelData}`)
      expect(signer.verifyChannel({ socketId: SOCKET, channel: presence, auth: forged, channelData }), short).toBeNull()
    }
    expect(refusalOf(() => signer.signChannel(SOCKET, presence))[1]).toBe('channel_data')
    expect(
      signer.verifyChannel({ socketId: SOCKET, channel: presence, auth: rawAuth(`${SOCKET}:${presence}`) }),
    ).toBeNull()
  })

  test('U13: data that has no JSON is refused', () => {
    const cyclic: { user_id: string; user_info?: unknown } = { user_id: '7' }
    cyclic.user_info = cyclic
    expect(refusalOf(() => signer.signChannel(SOCKET, presence, cyclic))[1]).toBe('channel_data')
    expect(refusalOf(() => signer.signChannel(SOCKET, channel, null as never))[1]).toBe('channel_data')
    expect(refusalOf(() => signer.signUser(SOCKET, null as never))[1]).toBe('user_data')
    for (const userData of ['{"id":""}', '{"id":{}}', '{"name":"x"}', '[]', '{']) {
      expect(refusalOf(() => signer.signUser(SOCKET, userData))[1]).toBe('user_data')
      const forged = rawAuth(`${SOCKET}::user::${userData}`)
      expect(signer.verifyUser({ socketId: SOCKET, auth: forged, userData })).toBeNull()
    }
  })

  test('U14: of every active key holds, the first one signs, and a removed one holds no more', () => {
    const rotating = pusherSigner({ keys: [KEY, OLD_KEY] })
    const old = pusherSigner({ keys: [OLD_KEY] }).signChannel(SOCKET, channel).auth
    expect(rotating.signChannel(SOCKET, channel).auth).toBe(auth)
    expect(rotating.verifyChannel({ socketId: SOCKET, channel, auth })?.key).toBe(KEY.key)
    expect(rotating.verifyChannel({ socketId: SOCKET, channel, auth: old })?.key).toBe(OLD_KEY.key)
    expect(signer.verifyChannel({ socketId: SOCKET, channel, auth: old })).toBeNull()
    const mixed = `${KEY.key}:${old.slice(old.indexOf(':') + 1)}`
    expect(rotating.verifyChannel({ socketId: SOCKET, channel, auth: mixed })).toBeNull()
  })
})

describe('options', () => {
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['without keys', {}, /"keys"/],
    ['with no key', { keys: [] }, /"keys"/],
    ['with one key that is no list', { keys: KEY }, /"keys"/],
    ['with a key of another alphabet', { keys: [{ key: 'a:b', secret: KEY.secret }] }, /"key"/],
    ['with null for a key', { keys: [null] }, /"key"/],
    ['with an empty secret', { keys: [{ key: 'a', secret: '' }] }, /"secret" of "a"/],
    ['with the same key twice', { keys: [KEY, { ...KEY, secret: OLD_KEY.secret }] }, /twice/],
    ['with a pattern that has a memory', { keys: [KEY], socketIdPattern: /a/g }, /"socketIdPattern"/],
    ['with a pattern for lines', { keys: [KEY], socketIdPattern: /a/m }, /"socketIdPattern"/],
    ['with a ttl of 0', { keys: [KEY], ttlSeconds: 0 }, /"ttlSeconds"/],
    ['with a ttl of more than a day', { keys: [KEY], ttlSeconds: 86_401 }, /"ttlSeconds"/],
    ['with requireExpiry that is no boolean', { keys: [KEY], ttlSeconds: 60, requireExpiry: 1 }, /"requireExpiry"/],
    ['with requireExpiry and no ttl', { keys: [KEY], requireExpiry: true }, /"requireExpiry" needs "ttlSeconds"/],
    ['with a misspelt option', { keys: [KEY], requireExpiri: true }, /"requireExpiri" is not an option/],
    ['with text for a pattern', { keys: [KEY], socketIdPattern: 'a' }, /"socketIdPattern"/],
  ]
  for (const [name, options, message] of wrong) {
    test(`${name}: TypeError that quotes the option and no secret`, () => {
      const make = () => pusherSigner(options as PusherSignerOptions)
      expect(make).toThrow(TypeError)
      expect(make).toThrow(message)
      expect(make).not.toThrow(KEY.secret)
    })
  }

  test('socketIdPattern counts as a whole', () => {
    const own = pusherSigner({ keys: [KEY], socketIdPattern: /a+/ })
    expect([own.isSocketId('aa'), own.isSocketId('aab'), own.isSocketId(SOCKET)]).toEqual([true, false, false])
  })

  test('L12: the secret shows in nothing that prints the signer', () => {
    const printed = `${inspect(signer, { depth: 9, showHidden: true })}${JSON.stringify(signer)}`
    expect(printed).not.toContain(KEY.secret)
  })
})
