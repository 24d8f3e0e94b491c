/** Frames that cost more than they look: huge payloads of a connect, attachments that never come, single bytes, and what inflates. */

import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { outcome } from '../harness.ts'
import { admitted, besieged, crowd, openByHand, openRaw, POLLING } from './dos-fixtures.ts'

const ADDRESS = '203.0.113.9'

describe('D06: a connect', () => {
  const token = '"token":"alice-key"'
  it.each([
    ['with a credential of 900 KB', 5, `{"token":"${'x'.repeat(900_000)}"}`],
    // To list the names of its members takes longer, and Socket.IO to parse them longer still.
    ['with 50,000 members', 100, `{${token}${Array.from({ length: 50_000 }, (_, i) => `,"m${i}":1`).join('')}}`],
    ['with 100,000 levels', 5, `{${token},"deep":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
    ['with 20 KB beside a good credential', 5, `{${token},"more":"${'x'.repeat(20_000)}"}`],
  ])(
    '%s is refused before a strategy sees it, on both transports, in %d ms',
    { retry: 3 },
    async (_name, ms, payload) => {
      const server = await besieged()
      const { socket, received } = await openRaw(server, ADDRESS)
      socket.send(`40/chat,${payload}`)
      await expect.poll(() => received.join(), { timeout: 5_000 }).toContain('44/chat,{"message"')
      const { sid } = JSON.parse((await server.get(POLLING)).body.slice(1))
      const session = `${server.url}${POLLING}&sid=${sid}`
      expect((await fetch(session, { method: 'POST', body: `40/chat,${payload}` })).status).toBe(200)
      expect(await (await fetch(session)).text()).toContain('AUTH_CREDENTIAL_INVALID')
      const refused = server.audit.filter(({ stage }) => stage === 'connect')
      expect(refused.map(({ code, reason, identity }) => [code, reason, identity])).toEqual([
        ['AUTH_CREDENTIAL_INVALID', 'too_large', null],
        ['AUTH_CREDENTIAL_INVALID', 'too_large', null],
      ])
      // The quicker of two: whatever else runs on the machine may hold one of them up.
      expect(Math.min(...refused.map(({ tookUs }) => tookUs))).toBeLessThan(ms * 1_000 * crowd())
    },
  )
})

describe('D14: attachments that never come', () => {
  const pending = '51-/chat,["say",{"_placeholder":true,"num":0}]'

  it('are not waited for before anybody is admitted', async () => {
    const { socket, closed } = await openRaw(await besieged(), ADDRESS)
    socket.send(`4${pending}`)
    await closed
  })

  it('hold up nobody else, and end with the authority of whoever announced them', async () => {
    const server = await besieged()
    const { socket } = await admitted(server)
    socket.io.engine.write(pending)
    const { socket: neighbour } = await admitted(server)
    expect(await neighbour.timeout(5_000).emitWithAck('say', 1)).toBeUndefined()
    const gone = new Promise((resolve) => socket.once('disconnect', resolve))
    await server.auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    expect(await gone).toBe('io server disconnect')
    expect(server.heard).toEqual(['say', 1, expect.any(Function)])
  })

  it.each([
    ['more than ten of them', `511-/chat,["say",${'{"_placeholder":true,"num":0},'.repeat(10)}1]`, ''],
    ['a text in the place of one', pending, '2/chat,["say"]'],
  ])('%s close the connection, and reach no listener', async (_name, first, second) => {
    const server = await besieged()
    const { socket } = await admitted(server)
    const gone = new Promise((resolve) => socket.once('disconnect', resolve))
    socket.io.engine.write(first)
    if (second !== '') socket.io.engine.write(second)
    await gone
    expect(server.heard).toEqual([])
  })
})

describe('D15: a message in pieces of one byte', () => {
  /** Masked by zeros, which leaves every byte as it is. */
  const frame = (opcode: number) => [opcode, 0x81, 0, 0, 0, 0, 0x34]
  const pieces = (count: number) =>
    Buffer.from([...frame(0x01), ...Array.from({ length: count - 1 }, () => frame(0x00)).flat()])

  it('that does not end is cut off with its connection, ten seconds after it was opened', async () => {
    const server = await besieged()
    const socket = await openByHand(server)
    socket.write(pieces(1_000))
    await expect.poll(() => server.time.pending()).toBe(1)
    const ended = once(socket, 'close')
    server.time.advance(10_000)
    await ended
    expect([server.io.engine.clientsCount, server.time.pending(), server.heard]).toEqual([0, 0, []])
  })

  it('has 16,384 of them at most, whoever sends it: ws 8.21, which Socket.IO 4.8 brings along', async () => {
    const server = await besieged()
    const socket = await openByHand(server)
    const ended = once(socket, 'end')
    socket.write(pieces(16_385))
    await ended
    await expect.poll(() => server.io.engine.clientsCount).toBe(0)
  })
})

describe('D16: messages that inflate', () => {
  it('cannot be sent by default: no compression is agreed on', async () => {
    const { socket } = await openRaw(await besieged(), ADDRESS, { perMessageDeflate: true })
    expect(socket.extensions).toBe('')
  })

  it('where compression is on, start-up warns, and more than maxHttpBufferSize is never inflated', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const server = await besieged({}, { perMessageDeflate: true, maxHttpBufferSize: 100_000 }).finally(() => {
      expect(warn.mock.calls).toEqual([
        [expect.stringContaining('"perMessageDeflate"'), { type: 'SecurityWarning', code: 'PORTCULLIS_COMPRESSION' }],
      ])
      warn.mockRestore()
    })
    const { socket, closed } = await openRaw(server, ADDRESS, { perMessageDeflate: true })
    expect(socket.extensions).toContain('permessage-deflate')
    socket.send(`40/chat,{"token":"${' '.repeat(20_000_000)}"}`)
    expect(await closed).toBe(1009)
    expect(server.audit.filter(({ stage }) => stage === 'connect')).toEqual([])
    expect(await outcome(server.client('/chat', { auth: { token: 'alice-key' } }))).toBeNull()
  })
})
