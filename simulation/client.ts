/** A client: it connects, talks, refreshes, loses its connection, and comes back, with a new credential or with the old one. */

import type { Packet } from './engine.ts'
import { EPOCH_MS, type Node, type ServerEnd } from './node.ts'
import type { Rng } from './rng.ts'
import type { Token, Tokens } from './tokens.ts'
import type { World } from './world.ts'

export interface ClientOptions {
  readonly world: World
  readonly rng: Rng
  readonly tokens: Tokens
  readonly subject: string
  readonly session: string
  /** Nodes that may be asked; some are paused. */
  readonly nodes: () => readonly Node[]
  readonly trace: (text: string) => void
}

export interface Client {
  start(): void
  stop(): void
}

const [NSP, CONNECT, EVENT, CONNECT_ERROR] = ['/chat', 0, 2, 4]
const PATIENCE_MS = 2_000

export function createClient(options: ClientOptions): Client {
  const { world, rng, tokens, subject, session, nodes, trace } = options
  let stopped = false
  let attempt = 0
  let token = issue()
  let end: ServerEnd | null = null
  let asked = 0
  /** Of the connection that was lost, for recovery. */
  let away: { readonly node: Node; readonly pid: string; readonly offset: string } | null = null

  function issue(): Token {
    const nowSeconds = (EPOCH_MS + world.nowMs) / 1000
    const issuedAt = rng.chance(0.5) ? Math.floor(nowSeconds) : nowSeconds
    return tokens.issue(subject, session, issuedAt, rng.chance(0.6) ? null : nowSeconds + rng.between(1, 40))
  }

  function again(minMs: number, maxMs: number): void {
    attempt += 1
    end = null
    if (rng.chance(0.6)) token = issue()
    if (!stopped) world.after(rng.between(minMs, maxMs), connect)
  }

  function connect(): void {
    if (stopped || end !== null) return
    attempt += 1
    const mine = attempt
    const candidates = nodes()
    if (candidates.length === 0) {
      again(100, 300)
      return
    }
    const back = away !== null && candidates.includes(away.node) ? away : null
    away = null
    const node = back?.node ?? rng.pick(candidates)
    const inHeader = rng.chance(0.4)
    const connection = { pid: '', offset: '' }
    const stillMine = () => attempt === mine && !stopped
    const opened: ServerEnd = node.connect({
      token,
      inHeader,
      opened() {
        if (!stillMine()) return
        const auth = inHeader && rng.chance(0.5) ? {} : { token: token.value }
        const recovery = back === null ? {} : { pid: back.pid, offset: back.offset }
        opened.send({ type: CONNECT, nsp: NSP, data: { ...auth, ...recovery } })
      },
      heard(packet) {
        if (!stillMine()) return
        if (packet.type === CONNECT) {
          connection.pid = (packet.data as { pid?: string }).pid ?? ''
          trace(`${token.value} connected to ${node.name}`)
          act(mine, node, connection)
        } else if (packet.type === CONNECT_ERROR) {
          trace(`${token.value} refused by ${node.name}: ${JSON.stringify((packet.data as { data?: object }).data)}`)
          opened.hangUp()
          again(50, 400)
        } else if (packet.type === EVENT) hear(packet, connection)
      },
      refused(answer) {
        if (!stillMine()) return
        trace(`${token.value} refused by ${node.name}: ${answer.split('\r\n', 1)[0]}`)
        again(50, 400)
      },
      closed() {
        if (stillMine()) again(10, 300)
      },
    })
    end = opened
    world.after(PATIENCE_MS, () => {
      if (!stillMine() || connection.pid !== '' || asked > 0) return
      opened.hangUp()
      again(10, 100)
    })
    asked = 0
  }

  function hear(packet: Packet, connection: { offset: string }): void {
    const data = packet.data as unknown[]
    if (data[0] === 'auth:closed') trace(`${token.value} was told ${(data[1] as { code: string }).code}`)
    const last = data.at(-1)
    if (data.length > 2 && typeof last === 'string') connection.offset = last
  }

  function act(mine: number, node: Node, connection: { readonly pid: string; readonly offset: string }): void {
    if (attempt !== mine || stopped || end === null) return
    asked += 1
    const what = rng.next()
    const send = (data: unknown[], answered: boolean) =>
      end?.send({ type: EVENT, nsp: NSP, data, ...(answered ? { id: asked } : {}) })
    if (what < 0.6) send(['say', 'hello'], rng.chance(0.5))
    else if (what < 0.75) send(['auth:join', rng.pick(['room:a', 'room:b'])], true)
    else if (what < 0.8) send(['auth:whoami'], true)
    else if (what < 0.9) {
      const next = issue()
      trace(`${token.value} refreshes with ${next.value}`)
      send(['auth:refresh', { token: next.value }], true)
      token = next
    } else if (what < 0.95) {
      trace(`${token.value} loses its connection to ${node.name}`)
      if (connection.pid !== '' && connection.offset !== '') away = { node, ...connection }
      end.hangUp()
      attempt += 1
      end = null
      world.after(rng.between(5, 400), connect)
      return
    }
    world.after(rng.between(20, 300), () => act(mine, node, connection))
  }

  return {
    start: connect,
    stop() {
      stopped = true
      end?.hangUp()
    },
  }
}
