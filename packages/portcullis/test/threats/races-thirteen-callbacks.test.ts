/** F13, Z01: thirteen callbacks of an application that throw, reject or answer nonsense, while somebody else is served. */

import { deny, permit } from 'portcullis'
import { memory } from 'portcullis/revocations/memory'
import { describe, expect, it } from 'vitest'
import { type Harness, keys, next, onCleanup, outcome, start } from '../harness.ts'
import { POLLING, UPGRADE } from './leak-fixtures.ts'

type Start = Parameters<typeof start>
type Policy = Parameters<Harness['auth']['protect']>[1]

interface Callback {
  readonly name: string
  readonly options?: Start[0]
  readonly server?: Start[1]
  readonly policy?: object
  readonly shadow?: object
  /** Makes it be called, and resolves with every answer that came of it. */
  provoke(server: Harness): Promise<readonly unknown[]>
  readonly answers: readonly unknown[]
}

const boom = (): never => {
  throw new Error('boom')
}
const rejects = async (): Promise<never> => boom()
const alice = { auth: { token: 'alice-key' } }
const connecting = async (server: Harness) => [(await outcome(server.client('/chat', alice)))?.code ?? null]
const asking =
  (event: string, ...args: unknown[]) =>
  async (server: Harness) => {
    const client = server.client('/chat', alice)
    await outcome(client)
    const answer = await client.emitWithAck(event, ...args)
    return [answer?.error?.code ?? answer]
  }
const handshakes = async ({ get, upgrade }: Harness) => [
  (await get(POLLING, { authorization: 'Bearer alice-key' })).status,
  (await upgrade(UPGRADE, { authorization: 'Bearer alice-key' })).status,
]
const strategy = (authenticate: unknown) => ({
  strategies: [{ ...keys(new Map()), authenticate: authenticate as never }],
})

const CALLBACKS: readonly Callback[] = [
  { name: 'a strategy that throws', options: strategy(boom), provoke: handshakes, answers: [500, 500] },
  { name: 'a strategy that rejects', options: strategy(rejects), provoke: handshakes, answers: [500, 500] },
  {
    name: 'a credential source that throws',
    options: { strategies: [{ ...keys(new Map()), from: [{ in: 'header', name: 'x', ambient: false, read: boom }] }] },
    provoke: handshakes,
    answers: [500, 500],
  },
  {
    name: 'a function for origins that throws',
    options: { origins: boom },
    provoke: async ({ get, upgrade }) => [
      (await get(POLLING, { origin: 'https://app.example' })).status,
      (await upgrade(UPGRADE, { origin: 'https://app.example' })).status,
    ],
    answers: [500, 500],
  },
  {
    name: 'allowRequest that rejects, and answers',
    server: {
      allowRequest: async (_request, answer) => {
        answer(null, false)
        answer(null, true)
        boom()
      },
    },
    provoke: handshakes,
    answers: [403, 400],
  },
  { name: 'a connect rule that throws', policy: { connect: boom }, provoke: connecting, answers: ['AUTH_ERROR'] },
  {
    name: 'a connect rule that rejects after its time',
    options: { limits: { ruleTimeoutMs: 10 } },
    policy: { connect: () => new Promise((_resolve, reject) => setTimeout(reject, 30, new Error('late'))) },
    provoke: async (server) => [
      ...(await connecting(server)),
      // Another after it: by then the first has rejected.
      ...(await new Promise<unknown[]>((resolve) => setTimeout(() => resolve(connecting(server)), 40))),
    ],
    answers: ['AUTH_UNAVAILABLE', 'AUTH_UNAVAILABLE'],
  },
  { name: 'memberships that reject', policy: { memberships: rejects }, provoke: connecting, answers: ['AUTH_ERROR'] },
  {
    name: 'an event rule that throws',
    policy: { events: { say: boom } },
    provoke: asking('say'),
    answers: ['AUTH_ERROR'],
  },
  {
    name: 'a schema that throws',
    policy: {
      events: { say: { rule: permit, args: { '~standard': { version: 1, vendor: 'x', validate: boom } } } },
    },
    provoke: asking('say', 1),
    answers: ['AUTH_ERROR'],
  },
  {
    name: 'a room rule that rejects',
    policy: { rooms: { 'room:{id}': rejects } },
    provoke: asking('auth:join', 'room:1'),
    answers: ['AUTH_ERROR'],
  },
  {
    name: 'audit and onError that throw and reject',
    options: { audit: rejects as never, onError: boom },
    policy: { events: { say: rejects } },
    provoke: asking('say'),
    answers: ['AUTH_ERROR'],
  },
  {
    name: 'a shadow that throws, and tells by a function that throws',
    policy: { events: { say: () => deny() } },
    shadow: { policy: { events: { say: rejects } }, onDifference: boom },
    provoke: asking('say'),
    answers: ['AUTH_FORBIDDEN'],
  },
]

describe('F13, Z01', () => {
  it('has thirteen of them', () => expect(CALLBACKS).toHaveLength(13))

  it.each(CALLBACKS)('$name: the process lives, each asked has one answer, and others are served', async (callback) => {
    const died: unknown[] = []
    for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
      const died_ = (reason: unknown) => died.push(reason)
      process.on(event, died_)
      onCleanup(() => void process.off(event, died_))
    }
    const served = await start({ revocations: memory() })
    served.auth.protect(served.io.of('/chat'), { events: {} })
    const bystander = served.client('/chat', { auth: { token: 'bob-key' } })
    expect(await outcome(bystander)).toBe(null)

    const server = await start(callback.options, callback.server)
    const connections: string[] = []
    server.io.of('/chat').on('connection', (socket) => {
      connections.push(socket.id)
      socket.onAny((event) => connections.push(event))
    })
    const policy = { events: {}, ...callback.policy } as Policy
    server.auth.protect(
      server.io.of('/chat'),
      policy,
      callback.shadow === undefined ? {} : { shadow: callback.shadow as never },
    )
    expect(await callback.provoke(server)).toEqual(callback.answers)
    // Nothing that was refused has come through all the same.
    expect(connections.filter((event) => event === 'say')).toEqual([])
    expect(await bystander.emitWithAck('auth:whoami')).toMatchObject({ subject: 'bob' })
    const turn = next(process as never, 'threats-turn')
    setImmediate(() => process.emit('threats-turn' as never))
    await turn
    expect(died).toEqual([])
  })
})
