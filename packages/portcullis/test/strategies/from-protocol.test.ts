import { fromProtocol } from 'portcullis/strategies/from'
import { handshakeOf } from 'portcullis/testing'
import { describe, expect, it } from 'vitest'
import { keys, outcome, start } from '../harness.ts'

const read = (value: string | readonly string[] | undefined, subprotocol?: string) =>
  fromProtocol(subprotocol).read(handshakeOf({ headers: { 'sec-websocket-protocol': value } }), null)

describe('P3: a credential as the second WebSocket subprotocol', () => {
  it.each([
    ['no header', undefined, null],
    ['another protocol', 'graphql-ws, token', null],
    ['the token first', 'token, portcullis', null],
    ['another case of the name', 'Portcullis, token', null],
    ['the name alone', 'portcullis', ''],
    ['name and token', 'portcullis, a.b-c_d', 'a.b-c_d'],
    ['no space between', 'portcullis,token', 'token'],
  ])('%s', (_name, header, credential) => {
    expect(read(header)).toBe(credential)
  })

  it('is refused when there are two, or too much', () => {
    expect(() => read('portcullis, a, b')).toThrow(expect.objectContaining({ reason: 'presented_twice' }))
    expect(() => read(`portcullis, ${'a'.repeat(8192)}`)).toThrow(expect.objectContaining({ reason: 'too_long' }))
    expect(read(['portcullis', 'a'])).toBeNull()
  })

  it('goes by the name it is given', () => {
    expect(read('chat.v1, token', 'chat.v1')).toBe('token')
    expect(() => fromProtocol('')).toThrow('"subprotocol"')
  })

  it('opens a socket of socket.io-client, and the server repeats the name alone', async () => {
    const from = [fromProtocol()]
    const records = new Map([['alice-key', { subject: 'alice' }]])
    const strategy = {
      ...keys(records),
      from,
      authenticate: (handshake: never, connect: never) => {
        const key = connect === null ? from[0]?.read(handshake, null) : null
        return keys(records).authenticate({ headers: key ? { authorization: `Bearer ${key}` } : {} } as never, connect)
      },
    }
    const { client, auth, io, upgrade } = await start({ strategies: [strategy] })
    auth.protect(io.of('/chat'), { events: {} })
    expect(await outcome(client('/chat', { protocols: ['portcullis', 'alice-key'] }))).toBeNull()
    const path = '/socket.io/?EIO=4&transport=websocket'
    const answer = await upgrade(path, { 'sec-websocket-protocol': 'portcullis, alice-key' })
    expect([answer.status, answer.headers['sec-websocket-protocol']]).toEqual([101, 'portcullis'])
    const refused = await upgrade(path, { 'sec-websocket-protocol': 'portcullis, mallory-key' })
    expect([refused.status, JSON.parse(refused.body).code]).toEqual([401, 'AUTH_CREDENTIAL_INVALID'])
  })
})
