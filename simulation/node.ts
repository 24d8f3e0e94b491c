/** One server: the real library on the real Socket.IO, with a clock of its own, and every packet it writes looked at. */

import { type Auth, type Clock, createAuth, permit } from 'portcullis'
import { Server, type Socket } from 'socket.io'
import type { RevocationLog } from '../packages/portcullis/src/core/revocation-log.ts'
import { createEngine, type EngineConnection, objectParser, type Packet } from './engine.ts'
import type { LogLink } from './log-link.ts'
import type { Oracle } from './oracle.ts'
import type { Rng } from './rng.ts'
import { type Holder, type Token, type Tokens, tokenStrategy } from './tokens.ts'
import type { Process, World } from './world.ts'

/** The other end of a connection. */
export interface ClientEnd {
  readonly token: Token
  /** Whether the handshake carries the token. */
  readonly inHeader: boolean
  opened(): void
  heard(packet: Packet): void
  /** The HTTP answer of a refused handshake. */
  refused(answer: string): void
  closed(): void
}

/** What a client has of its connection. */
export interface ServerEnd {
  send(packet: Packet): void
  hangUp(): void
}

export interface Node {
  readonly name: string
  readonly process: Process
  readonly link: LogLink
  readonly auth: Auth<Holder>
  /** The wall clock, epoch seconds. */
  seconds(): number
  setSkew(skewMs: number): void
  connect(client: ClientEnd): ServerEnd
  /** The application says something to somebody, in one of the ways there are. */
  speak(rng: Rng): void
  /** The sockets that the application believes to be connected. */
  held(): readonly Socket[]
  /** It is gone, and its connections with it. */
  crash(): void
  close(): Promise<void>
}

export interface NodeOptions {
  readonly name: string
  readonly world: World
  readonly rng: Rng
  readonly process: Process
  readonly link: LogLink
  readonly oracle: Oracle
  readonly tokens: Tokens
  readonly settings: Settings
  /** How fast its clock runs. */
  readonly rate: number
  readonly skewMs: number
  /** Called with the name that the log has for this node. */
  readonly named: (logName: string) => void
  readonly violated: (what: string) => void
  readonly alarmed: (error: unknown) => void
}

/** The same for every node of a seed. Milliseconds. */
export interface Settings {
  readonly maxStalenessMs: number
  readonly suspendedForMs: number
  readonly leaseGraceMs: number
  readonly singleConnection: boolean
  readonly recovery: boolean
}

export const EPOCH_MS = 1_800_000_000_000
const NAMESPACE = '/chat'
const ROOMS = ['room:a', 'room:b']
/** Packet types of the Socket.IO protocol, revision 5. */
const [CONNECT, EVENT, ACK, CONNECT_ERROR] = [0, 2, 3, 4]

export function createNode(options: NodeOptions): Node {
  const { name, world, rng, process, link, oracle, tokens, settings, rate, violated } = options
  const bornMs = world.nowMs
  const startMs = rng.between(0, 1e6)
  let { skewMs } = options
  let [leastSkewMs, greatestSkewMs] = [skewMs, skewMs]
  const clock: Clock = {
    now: () => EPOCH_MS + world.nowMs + skewMs,
    monotonic: () => startMs + (world.nowMs - bornMs) * rate,
    setTimer: (fn, delayMs) => world.timer(process, delayMs / rate + rng.between(0, 3), fn),
  }
  const seconds = () => clock.now() / 1000
  const moment = () => ({
    node: name,
    nodeSeconds: seconds(),
    leastSeconds: (EPOCH_MS + world.nowMs + leastSkewMs) / 1000,
  })
  const delay = () =>
    rng.chance(0.5) ? Promise.resolve() : new Promise<void>((done) => void clock.setTimer(done, rng.between(0, 40)))

  const io = new Server({
    parser: objectParser,
    serveClient: false,
    connectTimeout: 2 ** 31 - 1,
    ...(settings.recovery ? { connectionStateRecovery: {} } : {}),
  })
  const engine = createEngine()
  ;(io as unknown as { bind(engine: unknown): void }).bind(engine)
  const auth: Auth<Holder> = createAuth({
    origins: ['https://app.example'],
    strategies: [tokenStrategy(tokens, delay)],
    revocations: observed(link.log),
    cluster: { maxStalenessMs: settings.maxStalenessMs, suspendedForMs: settings.suspendedForMs },
    limits: { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY },
    lease: { expiringMs: 1_000, graceMs: settings.leaseGraceMs },
    singleConnection: settings.singleConnection,
    onError: options.alarmed,
    clock,
  })
  const chat = io.of(NAMESPACE)
  auth.protect(chat, {
    connect: () => (rng.chance(0.5) ? permit() : delay().then(() => permit())),
    events: { say: () => (rng.chance(0.7) ? permit() : delay().then(() => permit())) },
    rooms: { 'room:{id}': () => permit() },
  } as never)
  const connections = new Set<EngineConnection>()
  let held: Socket[] = []
  let count = 0

  chat.on('connection', (socket) => {
    held.push(socket)
    socket.on('disconnect', () => {
      if (rng.chance(0.7)) held = held.filter((other) => other !== socket)
    })
    socket.on('say', (_text: unknown, answer: unknown) => {
      served('accepted from', socket)
      if (typeof answer === 'function') answer({ said: true })
    })
  })

  /** Nothing of what a node writes to the log is unknown to the oracle. */
  function observed(log: RevocationLog): RevocationLog {
    return {
      ...log,
      append(entry) {
        oracle.made(name, entry.text)
        return log.append(entry)
      },
      sync(heartbeat) {
        options.named(heartbeat.node)
        return log.sync(heartbeat)
      },
    }
  }

  function served(what: string, socket: Socket, presented?: Token): void {
    const identity = (socket.data as { identity?: Holder }).identity
    const token = identity === undefined ? presented : tokens.get(identity.claims.token)
    if (token === undefined) {
      violated(`${what} a socket of nobody on ${name}`)
      return
    }
    const sinceMs = sinceOf.get(socket) ?? world.nowMs
    const since = (EPOCH_MS + sinceMs + greatestSkewMs) / 1000
    const engineId = (socket.conn as unknown as { id: string }).id
    oracle.served(what, { ...moment(), token, socketId: socket.id, engineId, since, sinceMs })
  }

  const sinceOf = new WeakMap<Socket, number>()

  /** Everything that leaves the server passes here. */
  function wroteTo(client: ClientEnd, state: { socket: Socket | null; told: boolean }, packet: Packet): void {
    const data = packet.data as unknown[]
    if (packet.type === CONNECT) {
      state.socket = chat.sockets.get((packet.data as { sid: string }).sid) ?? null
      if (state.socket !== null) sinceOf.set(state.socket, world.nowMs)
    }
    if (packet.type === CONNECT_ERROR) {
      oracle.ended((packet.data as { data?: { code: string } }).data?.code ?? '', client.token, seconds())
      return
    }
    const own = packet.type === EVENT && String(data[0]).startsWith('auth:')
    const refused = packet.type === ACK && typeof (data[0] as { error?: object } | null)?.error === 'object'
    const token =
      tokens.get((state.socket?.data as { identity?: Holder })?.identity?.claims.token ?? '') ?? client.token
    if (own && data[0] === 'auth:closed') {
      state.told = true
      oracle.ended((data[1] as { code: string }).code, token, seconds())
    }
    if (own || refused || (packet.type !== EVENT && packet.type !== ACK)) return
    if (state.socket !== null) served('delivered to', state.socket, client.token)
    else {
      const now = { since: seconds(), sinceMs: world.nowMs }
      oracle.served('delivered to', { ...moment(), token, socketId: '', engineId: '', ...now })
    }
  }

  function connect(client: ClientEnd): ServerEnd {
    const state: { socket: Socket | null; told: boolean } = { socket: null, told: false }
    let connection: EngineConnection | null = null
    let [gone, toServerMs, toClientMs] = [false, 0, 0]
    const latencyMs = rng.between(0.2, 4)
    // As by TCP, in order.
    const toServer = (fn: () => void) => {
      toServerMs = Math.max(toServerMs, world.nowMs + latencyMs * rng.between(1, 2))
      world.message(process, toServerMs - world.nowMs, fn)
    }
    const toClient = (fn: () => void) => {
      toClientMs = Math.max(toClientMs, world.nowMs + latencyMs * rng.between(1, 2))
      world.after(toClientMs - world.nowMs, () => void (gone || fn()))
    }
    const wire = {
      wrote(packet: Packet) {
        if (process.state !== 'running') return violated(`${name} wrote while it did not run`)
        wroteTo(client, state, packet)
        toClient(() => client.heard(packet))
      },
      closed() {
        if (connection !== null) connections.delete(connection)
        const wasAdmitted = state.socket !== null && !state.told
        if (wasAdmitted && process.state === 'running') violated(`${client.token.value} was closed without a word`)
        toClient(() => client.closed())
      },
    }
    toServer(() => {
      count += 1
      const headers: Record<string, string> = client.inHeader ? { authorization: `Bearer ${client.token.value}` } : {}
      engine.handshake(
        `${name}-${count}`,
        headers,
        wire,
        (accepted) => {
          connection = accepted
          connections.add(accepted)
          toClient(() => client.opened())
        },
        (answer) => toClient(() => client.refused(answer)),
      )
    })
    return {
      send: (packet) => toServer(() => connection?.receive(packet)),
      hangUp() {
        gone = true
        toServer(() => {
          connection?.hangUp()
          if (connection !== null) connections.delete(connection)
        })
      },
    }
  }

  return {
    name,
    process,
    link,
    auth,
    seconds,
    setSkew(ms) {
      skewMs = ms
      leastSkewMs = Math.min(leastSkewMs, ms)
      greatestSkewMs = Math.max(greatestSkewMs, ms)
    },
    connect,
    speak(by) {
      const way = by.next()
      const socket = held.length === 0 ? null : by.pick(held)
      if (way < 0.4) chat.emit('news', 'to all')
      else if (way < 0.6) chat.to(by.pick(ROOMS)).emit('news', 'to a room')
      else if (way < 0.8 || socket === null) {
        chat
          .to(auth.room({ issuer: 'https://issuer.example', subject: `user-${by.pick([0, 1, 2])}` }))
          .emit('news', 'to one')
      } else if (way < 0.95) socket.emit('news', 'to a socket')
      else socket.broadcast.emit('news', 'to the others')
    },
    held: () => held,
    crash() {
      world.kill(process)
      for (const connection of [...connections]) (connection as unknown as { close(): void }).close()
    },
    async close() {
      await auth.close()
      for (const connection of [...connections]) (connection as unknown as { close(): void }).close()
      await io.close()
    },
  }
}
