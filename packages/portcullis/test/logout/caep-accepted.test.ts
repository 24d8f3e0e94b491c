/** What securityEvents makes of the Security Event Tokens that it accepts, and of its options. */

import { AuthError } from 'portcullis'
import { providerSession } from 'portcullis/logout/caep'
import { describe, expect, test } from 'vitest'
import { NOW } from '../strategies/jwt-fixtures.ts'
import { CAEP, eventReceiverWith, eventToken, ISSUER, RISC } from './signal-fixtures.ts'

const SSF = 'https://schemas.openid.net/secevent/ssf/event-type/'
const PRINCIPAL = { issuer: ISSUER, subject: 'user-42' }

const event = (type: string, members: object = {}) => ({ events: { [type]: members } })

describe('accepted with 202: what ends', () => {
  async function ended(changes: object, options: object = {}) {
    const { receive, asked, errors } = eventReceiverWith(options)
    expect([await receive(await eventToken({ ...changes })), errors]).toMatchObject([{ status: 202, body: '' }, []])
    return asked
  }
  const types = [
    `${CAEP}session-revoked`,
    `${CAEP}credential-change`,
    `${RISC}account-credential-change-required`,
    `${RISC}account-disabled`,
    `${RISC}account-purged`,
    `${RISC}credential-compromise`,
    `${RISC}sessions-revoked`,
  ]
  test.each(types)('%s ends the principal', async (type) => {
    expect(await ended(event(type))).toEqual([{ key: PRINCIPAL, issuedBefore: NOW }])
  })

  test('the moment is event_timestamp, else toe, else iat, and never after iat', async () => {
    const at = async (members: object, more: object = {}) =>
      (await ended({ ...event(`${CAEP}session-revoked`, members), ...more }))[0]?.issuedBefore
    expect(await at({ event_timestamp: NOW - 60.5 })).toBe(NOW - 60)
    expect(await at({ event_timestamp: NOW - 60 }, { toe: NOW - 90 })).toBe(NOW - 59)
    expect(await at({}, { toe: NOW - 90 })).toBe(NOW - 89)
    expect(await at({ event_timestamp: 'yesterday' })).toBe(NOW)
    expect(await at({ event_timestamp: NOW * 1000 })).toBe(NOW)
    expect(await at({ event_timestamp: NOW + 3600 })).toBe(NOW)
    expect(await at({ event_timestamp: -1 })).toBe(NOW)
  })

  const subjects: readonly (readonly [string, object, readonly object[]])[] = [
    ['opaque', { format: 'opaque', id: 'user-42' }, [PRINCIPAL]],
    ['jwt_id', { format: 'jwt_id', iss: ISSUER, jti: 'j-1' }, [{ tokenId: 'j-1' }]],
    [
      'aliases, of which one is understood',
      {
        format: 'aliases',
        identifiers: [
          { format: 'email', email: 'a@example.com' },
          { format: 'opaque', id: 'user-42' },
        ],
      },
      [PRINCIPAL],
    ],
    [
      'complex, with user and session',
      {
        format: 'complex',
        user: { format: 'iss_sub', iss: ISSUER, sub: 'user-42' },
        session: { format: 'opaque', id: 's-1' },
        tenant: { format: 'opaque', id: 't-1' },
      },
      [PRINCIPAL, providerSession(ISSUER, 's-1')],
    ],
    [
      'complex of the drafts, with a token for a session',
      { session: { format: 'jwt_id', iss: ISSUER, jti: 'j-1' } },
      [{ tokenId: 'j-1' }],
    ],
    ['complex of the drafts, with a user', { user: { format: 'opaque', id: 'user-42' } }, [PRINCIPAL]],
  ]
  test.each(subjects)('a subject that is %s', async (_format, sub_id, keys) => {
    expect((await ended({ sub_id })).map(({ key }) => key)).toEqual(keys)
  })

  test('the subject of the event itself counts where the token has none', async () => {
    const subject = { format: 'opaque', id: 'user-43' }
    const changes = { sub_id: undefined, ...event(`${CAEP}session-revoked`, { subject }) }
    expect(await ended(changes)).toMatchObject([{ key: { issuer: ISSUER, subject: 'user-43' } }])
    expect(await ended(event(`${CAEP}session-revoked`, { subject }))).toMatchObject([{ key: PRINCIPAL }])
  })

  test('subjects of subjectIssuers, which are dead as of now: it is not their clock', async () => {
    const sub_id = { format: 'iss_sub', iss: 'https://partner.example', sub: 'user-42' }
    expect(await ended({ sub_id }, { subjectIssuers: ['https://partner.example'] })).toEqual([
      { key: { issuer: 'https://partner.example', subject: 'user-42' }, issuedBefore: undefined },
    ])
  })

  test('two events that end something both count', async () => {
    const events = {
      [`${RISC}account-disabled`]: { subject: { format: 'opaque', id: 'a' } },
      [`${CAEP}session-revoked`]: { subject: { format: 'opaque', id: 'b' }, event_timestamp: NOW - 9 },
      'https://example.com/other': {},
    }
    expect(await ended({ sub_id: undefined, events })).toEqual([
      { key: { issuer: ISSUER, subject: 'a' }, issuedBefore: NOW },
      { key: { issuer: ISSUER, subject: 'b' }, issuedBefore: NOW - 8 },
    ])
  })

  test('keysOf maps what is not understood, and may answer that it is nobody', async () => {
    const seen: unknown[] = []
    const keysOf = ({ type, subject, at, issuer }: { [name: string]: unknown }, usual: unknown) => {
      seen.push({ type, subject, at, issuer, usual })
      return [{ session: 'local' }]
    }
    const sub_id = { format: 'email', email: 'a@example.com' }
    expect(await ended({ sub_id }, { keysOf })).toEqual([{ key: { session: 'local' }, issuedBefore: undefined }])
    expect(seen).toEqual([{ type: `${CAEP}session-revoked`, subject: sub_id, at: NOW - 60, issuer: ISSUER, usual: [] }])
    expect(await ended({ sub_id }, { keysOf: () => [] })).toEqual([])
    expect(
      await ended({ sub_id: 'text' }, { keysOf: ({ subject }: { subject: unknown }) => (subject === null ? [] : 1) }),
    ).toEqual([])
  })

  test('R20: the same token again ends nothing more', async () => {
    const { receive, asked } = eventReceiverWith()
    const token = await eventToken()
    expect((await Promise.all([receive(token), receive(token)])).map(({ status }) => status)).toEqual([202, 202])
    expect((await receive(token)).status).toBe(202)
    expect(asked).toHaveLength(1)
  })
})

describe('accepted with 202: what ends nothing', () => {
  const types: readonly (readonly [string, object])[] = [
    [`${SSF}verification`, { state: 'VGhpcyBpcyBhbiBleGFtcGxl' }],
    [`${SSF}stream-updated`, { status: 'paused' }],
    [`${CAEP}assurance-level-change`, {}],
    [`${CAEP}credential-change`, { change_type: 'create', credential_type: 'fido2-roaming' }],
    [`${RISC}account-enabled`, {}],
  ]
  test.each(types)('%s', async (type, members) => {
    const { receive, asked } = eventReceiverWith()
    const token = await eventToken({ sub_id: { format: 'opaque', id: 'stream-1' }, ...event(type, members) })
    expect((await receive(token)).status).toBe(202)
    expect(asked).toEqual([])
  })

  test('events says what others mean, and may silence a usual one', async () => {
    const events = { 'https://example.com/fired': 'revoke', [`${CAEP}credential-change`]: 'ignore' }
    const { receive, asked } = eventReceiverWith({ events })
    expect((await receive(await eventToken(event(`${CAEP}credential-change`)))).status).toBe(202)
    expect(asked).toEqual([])
    expect((await receive(await eventToken(event('https://example.com/fired')))).status).toBe(202)
    expect(asked).toHaveLength(1)
  })
})

describe('a failure here is for the transmitter to try again', () => {
  test('R15: the log does not take it: 503 with Retry-After, and the next time it does', async () => {
    let up = false
    const answer = async () => {
      if (!up) throw new AuthError('AUTH_UNAVAILABLE', { retryAfterSeconds: 7 })
    }
    const { receive, asked } = eventReceiverWith({}, answer)
    const token = await eventToken()
    expect(await receive(token)).toMatchObject({ status: 503, headers: { 'Retry-After': '7' }, body: '' })
    up = true
    expect((await receive(token)).status).toBe(202)
    expect(asked).toHaveLength(2)
  })

  test('K04: the keys cannot be had: 503; keysOf or auth throws: 500', async () => {
    expect((await eventReceiverWith({ keys: 'http://127.0.0.1:9/jwks' }).receive(await eventToken())).status).toBe(503)
    const keysOf = () => {
      throw new Error('from keysOf')
    }
    expect((await eventReceiverWith({ keysOf }).receive(await eventToken())).status).toBe(500)
    const broken = () => Promise.reject(new TypeError('from auth'))
    expect((await eventReceiverWith({}, broken).receive(await eventToken())).status).toBe(500)
  })
})

test.each([
  ['"subjectIssuers"', { subjectIssuers: 'https://partner.example' }],
  ['"subjectIssuers"', { subjectIssuers: [''] }],
  ['"events"', { events: { 'https://example.com/event': 'permit' } }],
  ['"events"', { events: null }],
  ['"keysOf"', { keysOf: [] }],
  ['"typ"', { typ: 'JWT' }],
  ['"keys"', { keys: undefined }],
])('a malformed %s is a TypeError that quotes it', (option, options) => {
  expect(() => eventReceiverWith(options)).toThrow(TypeError)
  expect(() => eventReceiverWith(options)).toThrow(option)
})
