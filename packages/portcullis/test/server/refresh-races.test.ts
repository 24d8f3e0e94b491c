import { permit } from 'portcullis'
import type { Socket as ClientSocket } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { gate, keys, next } from '../harness.ts'
import { leased, refresh, refused, revocableByToken } from './lease-fixtures.ts'

const STAGES = ['strategy', 'connect rule', 'memberships', 'room rule'] as const
type Stage = (typeof STAGES)[number]
const alice = { issuer: 'https://issuer.example', subject: 'alice' }

/** A socket in `open:1`, whose next refresh with `second` stops at a stage until `held` opens. */
async function stoppedAt(stage: Stage) {
  const [held, asked] = [gate(), gate()]
  let armed = false
  const pause = async (at: Stage) => {
    if (!armed || at !== stage) return
    asked.open()
    await held.promise
  }
  const records = new Map([
    ['first', { subject: 'alice', issuedAt: 1_000 }],
    [
      'second',
      {
        subject: 'alice',
        issuedAt: 2_000,
        get wait() {
          return pause('strategy')
        },
      },
    ],
  ])
  const harness = await leased(
    { strategies: [revocableByToken(keys(records))] },
    {
      connect: () => pause('connect rule').then(() => permit()) as never,
      memberships: () => pause('memberships').then(() => ['home']),
      open: () => pause('room rule').then(() => permit()),
    },
  )
  const socket = await harness.enter('first')
  await socket.emitWithAck('auth:join', 'open:1')
  armed = true
  return { ...harness, socket, held, asked }
}

/** True when nobody can reach the socket any more. */
function isGone({ chat, auth }: Awaited<ReturnType<typeof stoppedAt>>): boolean {
  return chat.sockets.size === 0 && chat.adapter.sids.size === 0 && auth.sockets(alice).length === 0
}

/** The answer to a refresh, when one comes before the end of the connection. */
function answered(socket: ClientSocket, token: string): unknown[] {
  const answers: unknown[] = []
  socket.emit('auth:refresh', { token }, (body: unknown) => answers.push(body))
  return answers
}

describe('R10: a revocation that comes while a refresh waits', () => {
  it.each(STAGES)('for its %s wins', async (stage) => {
    const subject = await stoppedAt(stage)
    const { socket, held, asked, auth } = subject
    const answers = answered(socket, 'second')
    await asked.promise
    const closed = next(socket, 'auth:closed')
    const gone = next(socket, 'disconnect')
    await auth.revoke(alice)
    held.open()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    await gone
    await new Promise(setImmediate)
    expect(answers).toEqual([])
    expect(isGone(subject)).toBe(true)
  })

  it.each(STAGES)('for its %s wins also where only the new credential is newer than it', async (stage) => {
    const subject = await stoppedAt(stage)
    const { socket, held, asked, auth } = subject
    const answers = answered(socket, 'second')
    await asked.promise
    const closed = next(socket, 'auth:closed')
    await auth.revoke(alice, { issuedBefore: 1_500 })
    held.open()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REVOKED' })
    await expect.poll(() => isGone(subject)).toBe(true)
    expect(answers).toEqual([])
  })

  it.each(STAGES)(
    'for its %s and covers the new credential alone has it refused, and the old one holds',
    async (stage) => {
      const { socket, held, asked, auth } = await stoppedAt(stage)
      const answer = refresh(socket, { token: 'second' })
      await asked.promise
      expect((await auth.revoke({ tokenId: 'second' })).closed).toBe(0)
      held.open()
      expect(await answer).toEqual(refused('AUTH_REVOKED'))
      expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ issuedAt: 1_000, rooms: ['home', 'open:1'] })
      expect((await auth.revoke({ tokenId: 'first' })).closed).toBe(1)
    },
  )

  it.each(STAGES)('for its %s, with a grace, spares the socket that is newer at the end of it', async (stage) => {
    const { socket, held, asked, auth, time } = await stoppedAt(stage)
    const answer = refresh(socket, { token: 'second' })
    await asked.promise
    await auth.revoke({ tokenId: 'first' }, { graceMs: 10_000 })
    held.open()
    expect(await answer).toMatchObject({ joined: [], left: [] })
    time.advance(20_000)
    expect(await socket.emitWithAck('auth:whoami')).toMatchObject({ issuedAt: 2_000 })
  })

  it.each(STAGES)('for its %s: so does a disconnection by the application', async (stage) => {
    const subject = await stoppedAt(stage)
    const { socket, held, asked, auth } = subject
    answered(socket, 'second')
    await asked.promise
    const closed = next(socket, 'auth:closed')
    await auth.disconnect(alice)
    held.open()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_REPLACED' })
    await expect.poll(() => isGone(subject)).toBe(true)
  })

  it.each(STAGES)('for its %s: a client that goes meanwhile leaves nothing behind', async (stage) => {
    const subject = await stoppedAt(stage)
    const { socket, held, asked, time, errors } = subject
    answered(socket, 'second')
    await asked.promise
    socket.disconnect()
    await expect.poll(() => isGone(subject)).toBe(true)
    held.open()
    await expect.poll(() => time.pending()).toBe(0)
    expect([errors, isGone(subject)]).toEqual([[], true])
  })

  it.each(STAGES)('for its %s: after close() neither socket nor timer is left', async (stage) => {
    const subject = await stoppedAt(stage)
    const { socket, held, asked, auth, time } = subject
    answered(socket, 'second')
    await asked.promise
    const closed = next(socket, 'auth:closed')
    await auth.close()
    held.open()
    expect((await closed)[0]).toMatchObject({ code: 'AUTH_UNAVAILABLE' })
    await expect.poll(() => time.pending()).toBe(0)
    expect(isGone(subject)).toBe(true)
  })
})
