import { expect, test, vi } from 'vitest'
import { authorized, bareServer, bodyOf, connected, heard } from './bare-server.ts'

type Reply = (body: unknown) => void

/** A connection whose `auth:whoami` and `auth:refresh` are answered by hand. */
async function manual(options: Parameters<typeof authorized>[1] = {}) {
  const server = await bareServer()
  const replies: Record<'whoami' | 'refresh', Reply[]> = { whoami: [], refresh: [] }
  let arrived = () => {}
  server.io.on('connection', (socket) => {
    socket.on('auth:whoami', (reply: Reply) => {
      replies.whoami.push(reply)
      arrived()
    })
    socket.on('auth:refresh', (_payload: unknown, reply: Reply) => {
      replies.refresh.push(reply)
      arrived()
    })
    socket.on('echo', (reply: Reply) => reply('echo'))
  })
  const credential = vi.fn(() => 'token')
  const subject = authorized(server.url, { credential, ...options })
  await connected(subject, server.io)
  async function asked(request: 'whoami' | 'refresh'): Promise<Reply> {
    while (replies[request].length === 0) {
      await new Promise<void>((resolve) => {
        arrived = resolve
      })
    }
    return replies[request].shift() as Reply
  }
  /** What was answered before this has arrived, and every promise of it had its say. */
  async function settled(): Promise<void> {
    await subject.socket.emitWithAck('echo')
    await subject.clock.advance(0)
  }
  const whoami = await asked('whoami')
  credential.mockClear()
  return { ...subject, credential, asked, settled, whoami }
}

const LEASE = { subject: 'alice', rooms: [], expiresAt: 2_000_000_100, serverTime: 2_000_000_000 }
const REPLY = { expiresAt: null, joined: [], left: [] }

test('an answer to auth:whoami after stop() sets no timer', async () => {
  const { auth, clock, settled, whoami } = await manual()
  auth.stop()
  whoami(LEASE)
  await settled()
  expect(clock.pending).toBe(0)
})

test('a refusal of auth:whoami after stop() asks for no credential', async () => {
  const { auth, clock, credential, settled, whoami } = await manual()
  const denied = vi.fn()
  auth.on('denied', denied)
  auth.stop()
  whoami({ error: bodyOf('AUTH_CREDENTIAL_MISSING') })
  await settled()
  expect([clock.pending, credential.mock.calls, denied.mock.calls]).toEqual([0, [], []])
})

test.for(['AUTH_FORBIDDEN', 'AUTH_UNAVAILABLE'] as const)(
  'auth:whoami refused with %s starts nothing',
  async (code) => {
    const { auth, clock, credential, settled, whoami } = await manual()
    const denied = vi.fn()
    auth.on('denied', denied)
    whoami({ error: bodyOf(code) })
    await settled()
    expect([clock.pending, credential.mock.calls, denied.mock.calls]).toEqual([0, [], []])
  },
)

test.for([
  { ...LEASE, serverTime: undefined },
  { ...LEASE, expiresAt: null },
  { ...LEASE, expiresAt: 'soon' },
])('times that make no sense set no timer: %j', async (body) => {
  const { clock, settled, whoami } = await manual()
  const setTimer = vi.spyOn(clock, 'setTimer')
  whoami(body)
  await settled()
  expect(setTimer).not.toHaveBeenCalled()
})

test('an answer to auth:whoami during a backoff leaves the backoff as it is', async () => {
  const { auth, clock, credential, settled, whoami, asked } = await manual()
  const refused = auth.refresh().catch((error: unknown) => error)
  const refresh = await asked('refresh')
  refresh({ error: bodyOf('AUTH_RATE_LIMITED') })
  expect(await refused).toMatchObject({ code: 'AUTH_RATE_LIMITED' })
  whoami(LEASE)
  await settled()
  expect(clock.pending).toBe(1)
  await clock.advance(1_000)
  expect(credential).toHaveBeenCalledTimes(2)
})

test('an answer to auth:refresh after stop() is the caller’s alone', async () => {
  const { auth, clock, settled, whoami, asked } = await manual()
  whoami({ ...LEASE, expiresAt: null })
  const refreshed = vi.fn()
  auth.on('refreshed', refreshed)
  const outcome = auth.refresh()
  const refresh = await asked('refresh')
  auth.stop()
  refresh(REPLY)
  expect(await outcome).toEqual(REPLY)
  await settled()
  expect([clock.pending, refreshed.mock.calls]).toEqual([0, []])
  await expect(auth.refresh()).rejects.toMatchObject({ code: 'AUTH_UNAVAILABLE' })
})

test('an answer to auth:refresh without a list of rooms is told as it is', async () => {
  const { auth, asked } = await manual()
  const refreshed = heard(auth, 'refreshed')
  const outcome = auth.refresh()
  const refresh = await asked('refresh')
  refresh({ expiresAt: null })
  await outcome
  expect(await refreshed).toEqual({ expiresAt: null })
})
