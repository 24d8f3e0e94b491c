import fc from 'fast-check'
import { createAuth, deny, permit, permitIf } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { afterTest } from '../cleanups.ts'
import { type KeyRecord, keys } from '../harness.ts'
import { connect, enter, server, settled } from './line.ts'
import { anyText, PATIENCE_MS, runs } from './runs.ts'

type Frame = string | Uint8Array

const TOKENS = ['alice-key', 'bob-key', 'wrong', '']
const NAMESPACES = ['/chat', '/', '/admin', '/CHAT', '/chat/', '/t-1', '/__proto__', '/chat?x=1']
const EVENTS = ['open', 'slow', 'mine', 'closed', 'secret']
const ODD_EVENTS = ['disconnecting', '__proto__', 'auth:x', 'auth:join', 'auth:refresh', 'auth:leave', 'auth:whoami']
const OPEN = new Set(['open', 'slow'])

const argument = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>({ _placeholder: true, num: 0 }, { _placeholder: true, num: 99 }, { __proto__: null }),
  fc.constantFrom('alice', 'bob', 'org:acme', 'org:globex', ['org:acme', 'org:acme'], ['org:acme', 7], 'auth:x'),
  fc.constantFrom(...TOKENS).map((token) => ({ token })),
)
const event = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<unknown>(...EVENTS) },
  { weight: 2, arbitrary: fc.constantFrom<unknown>(...ODD_EVENTS) },
  fc.oneof(fc.string({ maxLength: 6 }), fc.integer(), fc.constantFrom<unknown>(null, {}, [], true)),
)
const id = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 3, arbitrary: fc.nat(99).map(String) },
  fc.constantFrom('-1', '1e3', '9007199254740993', '007', '1'.repeat(400)),
)
const namespace = fc.oneof(
  { weight: 12, arbitrary: fc.constant('/chat,') },
  fc.constantFrom('', ...NAMESPACES.map((name) => `${name},`), '/chat'),
)

/** What a client of the protocol might write, in its parts. */
const packet = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(namespace, id, event, fc.array(argument, { maxLength: 3 })) },
  fc.tuple(namespace, id, fc.constant('auth:join'), fc.tuple(argument, argument)),
)
const written: fc.Arbitrary<Frame[]> = fc.oneof(
  { weight: 12, arbitrary: packet.map(([at, ack, name, args]) => [`2${at}${ack}${JSON.stringify([name, ...args])}`]) },
  fc.tuple(namespace, id).map(([at, ack]) => [`2${at}${ack}`]),
  fc.tuple(namespace, fc.constantFrom(...TOKENS)).map(([at, token]) => [`0${at}${JSON.stringify({ token })}`]),
  fc.tuple(namespace, argument).map(([at, body]) => [`0${at}${JSON.stringify(body)}`]),
  fc.tuple(namespace, id, argument).map(([at, ack, body]) => [`3${at}${ack}${JSON.stringify([body])}`]),
  fc.tuple(fc.constantFrom('1', '4', '6', '9', ''), namespace).map(([type, at]) => [type + at]),
  // Binary: a packet that says how many attachments follow it, and as many of them, or not.
  fc
    .tuple(fc.constantFrom(1, 2, 11), packet, fc.array(fc.uint8Array({ maxLength: 8 }), { maxLength: 3 }))
    .map(([count, [at, ack, name, args], attachments]) => [
      `5${count}-${at}${ack}${JSON.stringify([name, ...args, { _placeholder: true, num: 0 }])}`,
      ...attachments,
    ]),
)
const noise: fc.Arbitrary<Frame[]> = fc
  .oneof(fc.string({ maxLength: 30 }), anyText(8), fc.uint8Array({ maxLength: 8 }))
  .map((frame) => [frame])

/** A frame of the protocol with something put in, taken out or doubled. */
const mutated: fc.Arbitrary<Frame[]> = fc
  .tuple(written, fc.nat(), fc.nat(6), fc.constantFrom('', '"', ']', '{', ',', '\0', '\ud800', '0', '-', '__proto__'))
  .map(([frames, at, cut, inserted]) =>
    frames.map((frame) => {
      if (typeof frame !== 'string') return frame
      const place = at % (frame.length + 1)
      return frame.slice(0, place) + inserted + frame.slice(place + cut)
    }),
  )
const frames = fc.array(fc.oneof({ weight: 6, arbitrary: written }, { weight: 2, arbitrary: mutated }, noise), {
  minLength: 1,
  maxLength: 12,
})

const records = new Map<string, KeyRecord>([
  ['alice-key', { subject: 'alice', claims: { org: 'acme', scope: '' } }],
  ['bob-key', { subject: 'bob', claims: { org: 'globex', scope: '' } }],
])

/** A guarded server whose listeners write down all that they get, and from whom. */
function start(deferMs?: number) {
  const io = server()
  const errors: unknown[] = []
  const guard = createAuth({
    origins: ['https://app.example'],
    strategies: [keys(records)],
    limits: {
      handshakesPerMinute: Number.POSITIVE_INFINITY,
      failuresPerMinute: Number.POSITIVE_INFINITY,
      maxConnectFailures: 1_000,
    },
    onError: (error) => errors.push(error),
    ...(deferMs === undefined ? {} : { deferMs }),
  })
  afterTest(() => guard.close())
  const seen: { readonly subject: string; readonly event: unknown; readonly args: readonly unknown[] }[] = []
  const entered: string[] = []
  const listen = (nsp: ReturnType<typeof io.of>) =>
    nsp.on('connection', (socket) => {
      const subject = String(socket.data.identity?.subject)
      entered.push(`${nsp.name} ${subject}`)
      socket.onAny((name, ...args) => seen.push({ subject, event: name, args }))
      socket.on('open', (...args) => {
        const reply = args.at(-1)
        if (typeof reply === 'function') reply('fine')
      })
    })
  guard.protect(listen(io.of('/chat')), {
    events: {
      open: () => permit(),
      closed: () => deny(),
      slow: async () => permit(),
      mine: ({ identity, args }: { identity: { subject: string }; args: readonly unknown[] }) =>
        permitIf(args[0] === identity.subject),
    } as never,
    rooms: {
      'org:{org}': ({ identity, params }) => permitIf((identity.claims as { org: string }).org === params.org),
    },
  })
  guard.protect(listen(io.of('/admin')), { events: {}, connect: () => deny() })
  listen(io.of('/'))
  return { io, guard, errors, seen, entered }
}

describe('Z09, D01: whatever frames come', () => {
  it('throw nothing, reach no listener that the policy does not permit, and open no room', {
    timeout: PATIENCE_MS,
  }, async () => {
    const { io, guard, errors, seen, entered } = start()
    let handled = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('alice', 'bob', 'alice', 'bob', null), frames, async (subject, given) => {
        seen.length = 0
        entered.length = 0
        const enterAs = async () => {
          const opened = await connect(io)
          if (subject !== null) await enter(opened, '/chat', { token: `${subject}-key` })
          return opened
        }
        let line = await enterAs()
        for (const group of given) {
          // What breaks the protocol ends the connection, and the next frame would be lost with it.
          if (!line.isOpen()) line = await enterAs()
          for (const frame of group) line.receive(frame)
          await settled(1)
        }
        await settled()
        for (const { subject: who, event: name, args } of seen) {
          expect(OPEN.has(String(name)) || (name === 'mine' && args[0] === who)).toBe(true)
        }
        handled += seen.length
        expect(entered.filter((one) => !/^\/chat (alice|bob)$/.test(one))).toEqual([])
        for (const socket of io.of('/chat').sockets.values()) {
          const { subject: who, claims } = socket.data.identity as { subject: string; claims: { org: string } }
          expect(records.get(`${who}-key`)?.claims).toEqual(claims)
          const rooms = [...socket.rooms].filter((room) => room !== socket.id && room !== `org:${claims.org}`)
          expect(rooms).toEqual([])
        }
        line.close()
        await settled(1)
        expect(errors).toEqual([])
      }),
      runs(150),
    )
    // Frames that reach no listener at all would show little.
    expect(handled).toBeGreaterThan(50)
    const { sockets, connecting } = guard.status()
    expect([sockets, connecting, io.of('/chat').sockets.size, io.of('/chat').adapter.sids.size]).toEqual([0, 0, 0, 0])
  })

  it('give nobody who has shown no good credential a listener, a room or a broadcast where the connect is deferred', {
    timeout: PATIENCE_MS,
  }, async () => {
    const { io, guard, errors, seen, entered } = start(1_000)
    const isGood = (frame: Frame) => typeof frame === 'string' && /(?:alice|bob)-key/.test(frame)
    await fc.assert(
      fc.asyncProperty(frames, async (given) => {
        seen.length = 0
        entered.length = 0
        for (const group of given) {
          if (group.some(isGood)) continue
          const line = await connect(io)
          await enter(line, '/chat', {})
          for (const frame of group) line.receive(frame)
          await settled(1)
          io.of('/chat').emit('said to all')
          await settled(1)
          expect([entered, seen, errors]).toEqual([[], [], []])
          expect(line.sent.some((frame) => String(frame).includes('said to all'))).toBe(false)
          line.close()
        }
        await settled(1)
      }),
      runs(60),
    )
    const { sockets, connecting } = guard.status()
    expect([sockets, connecting, io.of('/chat').sockets.size]).toEqual([0, 0, 0])
  })
})
