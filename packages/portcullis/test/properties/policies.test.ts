import fc from 'fast-check'
import { AuthError, type AuthErrorCode, CODES, createAuth, deny, permit, permitIf, type Rule } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { afterTest } from '../cleanups.ts'
import { keys } from '../harness.ts'
import { connect, enter, type Line, server, settled } from './line.ts'
import { PATIENCE_MS, runs } from './runs.ts'

/** What a rule does, and the code that a client is told of it: null for a permission, and nothing else is one. */
interface Answer {
  readonly name: string
  readonly rule: Rule<unknown>
  readonly code: AuthErrorCode | null
}

const CODE = fc.constantFrom(...(Object.keys(CODES) as AuthErrorCode[]))
const FAR = 4_000_000_000

const decided: fc.Arbitrary<Answer> = fc.oneof(
  fc.constant({ name: 'permit', rule: () => permit(), code: null }),
  fc.constant({ name: 'permit for long', rule: () => permit({ expiresAt: FAR }), code: null }),
  fc.constant({ name: 'a permission as plain data', rule: () => ({ effect: 'permit', expiresAt: null }), code: null }),
  CODE.map((code) => ({ name: `deny ${code}`, rule: () => deny(code), code })),
  fc.boolean().map((yes) => ({ name: `if ${yes}`, rule: () => permitIf(yes), code: yes ? null : 'AUTH_FORBIDDEN' })),
  fc.constantFrom<unknown>('true', 1, {}, []).map((truthy) => ({
    name: `if ${JSON.stringify(truthy)}`,
    rule: () => permitIf(truthy as boolean),
    code: 'AUTH_FORBIDDEN',
  })),
) as fc.Arbitrary<Answer>

/** Things that are no decision, however much they look like one. */
const junk: fc.Arbitrary<Answer> = fc
  .oneof(
    fc.constantFrom<unknown>(
      true,
      1,
      'permit',
      undefined,
      null,
      Symbol('permit'),
      permit,
      new Map([['effect', 'permit']]),
    ),
    fc.constantFrom<unknown>(
      { effect: 'permit' },
      { effect: 'permit', expiresAt: 'never' },
      { effect: 'permit', expiresAt: Number.NaN },
      { effect: 'PERMIT', expiresAt: null },
      { permit: true },
      Object.create({ effect: 'permit', expiresAt: null }),
      { effect: 'deny', code: 'toString' },
      [permit()],
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )
  .map((value) => ({ name: `answer ${String(value)}`, rule: () => value as never, code: 'AUTH_ERROR' }))

const thrown: fc.Arbitrary<Answer> = fc.oneof(
  fc.constantFrom<unknown>(new Error('no'), 'no', undefined, permit()).map(
    (value): Answer => ({
      name: 'throw',
      rule: () => {
        throw value
      },
      code: 'AUTH_ERROR',
    }),
  ),
  CODE.map(
    (code): Answer => ({
      name: `throw ${code}`,
      rule: () => {
        throw new AuthError(code)
      },
      code,
    }),
  ),
)

const answer: fc.Arbitrary<Answer> = fc
  .tuple(fc.oneof({ weight: 3, arbitrary: decided }, junk, thrown), fc.boolean())
  .map(([one, late]) =>
    late ? { ...one, name: `${one.name}, later`, rule: async (request: unknown) => one.rule(request) } : one,
  )

const EVENTS = ['a', 'b', 'say:more', '__proto__x', 'toString', 'constructor', 'hasOwnProperty']
const PATTERNS = ['org:{org}', 'org:{x}:{y}', 'org:a', '{any}:a', 'org:{o}/{n}', 'team.{t}']
const ROOMS = ['org:a', 'org:b', 'org:a:b', 'x:a', 'org:a/b', 'team.1', 'team', 'nobody', 'org:']

/** Who may have a room by the documentation: every pattern that matches must permit, and at least one must match. */
function mayJoin(rooms: readonly (readonly [string, Answer])[], room: string): boolean {
  const matching = rooms.filter(([pattern]) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^:./]+')}$`).test(room),
  )
  return matching.length > 0 && matching.every(([, { code }]) => code === null)
}

const auth = { token: 'alice-key' }

describe('a policy', () => {
  it('permits an event when its own rule has decided so, and refuses it with the code of the rule otherwise', {
    timeout: PATIENCE_MS,
  }, async () => {
    const policies = fc.uniqueArray(fc.tuple(fc.constantFrom(...EVENTS), answer), { selector: ([name]) => name })
    await fc.assert(
      fc.asyncProperty(policies, async (rules) => {
        const { line, handled, close } = await guarded({
          events: Object.fromEntries(rules.map(([event, { rule }]) => [event, rule])),
        })
        const asked = [...EVENTS, 'c', 'A', 'auth:unknown']
        for (const [id, event] of asked.entries()) line.receive(`2/chat,${id}${JSON.stringify([event, id])}`)
        const replies = await answersTo(line, asked.length)
        const expected = new Map(rules.map(([event, { code }]) => [event, code]))
        for (const [id, event] of asked.entries()) {
          const code = expected.has(event) ? expected.get(event) : 'AUTH_FORBIDDEN'
          const told = code === null ? 'handled' : { error: { code } }
          expect(replies.get(id), event).toMatchObject([told])
        }
        expect(handled).toEqual(asked.filter((event) => expected.get(event) === null))
        close()
      }),
      runs(50),
    )
  })

  it('admits to a namespace when the connect rule has permitted it, and not otherwise', {
    timeout: PATIENCE_MS,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(answer, async ({ rule, code }) => {
        const { line, close } = await guarded({ events: {}, connect: rule })
        const [type, body] = parse(String(line.sent.at(-1)))
        expect(type).toBe(code === null ? '0' : '4')
        if (code !== null) expect(body).toMatchObject({ data: { code } })
        close()
      }),
      runs<[Answer]>(60, {
        examples: [
          [{ name: 'a permission that has ended', rule: () => permit({ expiresAt: 1 }), code: 'AUTH_EXPIRED' }],
        ],
      }),
    )
  })

  it('opens a room when every pattern that matches permits it, in whatever order they stand', {
    timeout: PATIENCE_MS,
  }, async () => {
    const rooms = fc.uniqueArray(fc.tuple(fc.constantFrom(...PATTERNS), answer), {
      selector: ([pattern]) => pattern,
      minLength: 2,
    })
    const ordered = rooms.chain((one) =>
      fc.tuple(fc.constant(one), fc.shuffledSubarray(one, { minLength: one.length })),
    )
    await fc.assert(
      fc.asyncProperty(ordered, async ([rules, shuffled]) => {
        for (const order of [rules, shuffled]) {
          const { line, io, close } = await guarded({
            events: {},
            rooms: Object.fromEntries(order.map(([pattern, { rule }]) => [pattern, rule])),
          })
          for (const [id, room] of ROOMS.entries()) line.receive(`2/chat,${id}${JSON.stringify(['auth:join', room])}`)
          const replies = await answersTo(line, ROOMS.length)
          const open = ROOMS.filter((room) => mayJoin(rules, room))
          for (const [id, room] of ROOMS.entries()) {
            const told = open.includes(room) ? { joined: [room] } : { error: { retry: expect.any(String) } }
            expect(replies.get(id), room).toMatchObject([told])
          }
          const [socket] = await io.of('/chat').fetchSockets()
          expect([...(socket?.rooms ?? [])].filter((room) => room !== socket?.id).sort()).toEqual(open.sort())
          close()
        }
      }),
      runs(30),
    )
  })
})

interface Guarded {
  readonly io: ReturnType<typeof server>
  readonly line: Line
  /** The events that reached a listener, in order. */
  readonly handled: string[]
  readonly close: () => void
}

/** A connection to a namespace under the policy, as a user with a good credential. */
async function guarded(policy: object): Promise<Guarded> {
  const io = server()
  const guard = createAuth({
    origins: ['https://app.example'],
    strategies: [keys(new Map([['alice-key', { subject: 'alice' }]]))],
    limits: { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY },
    onError: () => {},
  })
  afterTest(() => guard.close())
  const handled: string[] = []
  guard.protect(io.of('/chat'), policy as never).on('connection', (socket) => {
    socket.onAny((event, _id, ack) => {
      handled.push(event)
      ack('handled')
    })
  })
  const line = await connect(io)
  await enter(line, '/chat', auth)
  return {
    io,
    line,
    handled,
    close() {
      line.close()
      void guard.close()
    },
  }
}

/** The bodies of so many acknowledgements, by id. */
async function answersTo({ sent }: Line, count: number): Promise<Map<number, unknown>> {
  const answers = new Map<number, unknown>()
  for (let turn = 0; turn < 500 && answers.size < count; turn += 1) {
    await settled(1)
    for (const text of sent) {
      const [, id, body] = /^3\/chat,(\d+)(.*)$/s.exec(String(text)) ?? []
      if (id !== undefined) answers.set(Number(id), JSON.parse(body ?? ''))
    }
  }
  return answers
}

/** The type of a packet of `/chat`, and its body. */
function parse(packet: string): [type: string, body: unknown] {
  return [packet.charAt(0), JSON.parse(packet.slice(packet.indexOf(',') + 1))]
}
