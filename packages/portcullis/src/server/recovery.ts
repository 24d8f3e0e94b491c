/** Connection state recovery as a second front door: who comes back is admitted anew, and gets what it still may have. */

import type { Namespace, Server, Socket } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import { isSamePrincipal } from '../core/identity.ts'
import { isExpired } from '../core/lease.ts'
import { refusalOf } from '../errors.ts'
import { LEFT, type LeftNotice } from '../protocol.ts'
import { withDeadline } from './deadline.ts'
import { holdGrant } from './grants.ts'
import { endOfEntry, type Guard } from './guard.ts'
import { EVENT, notify, type Receiver } from './packet.ts'
import { principalRoom } from './reach.ts'
import { adopt, type Former, isSocketId, type RecoveryRequest, takeRequest } from './recovery-adopt.ts'
import type { Missed, Session, Taken } from './recovery-history.ts'
import { departedOf, type Keeper, keepSessions } from './recovery-keeper.ts'
import { type AwayRecord, type Departed, RECORD_KEY, readRecord } from './recovery-record.ts'
import { judgeRooms, type RoomsNow } from './recovery-rooms.ts'
import type { Entry } from './registry.ts'

export interface Recovery {
  /** Guards the adapter that a namespace has at this moment. */
  watch(namespace: Namespace): void
  /** The connection of a socket has closed, and nothing of it has been let go yet. */
  depart(entry: Entry): void
  /** Before the last look at a connecting socket: makes it the one that it was, where it may be. Never rejects. */
  recover(entry: Entry): Promise<void>
  /** The socket has connected, with its memberships, and nothing has been sent to it yet. */
  afterConnect(entry: Entry): void
}

/** A session that its own principal has come back for. */
interface Return {
  readonly keeper: Keeper
  readonly former: Former
  readonly record: AwayRecord
  readonly policy: CompiledPolicy
  readonly rooms: RoomsNow
  readonly owed: () => readonly Missed[] | null
}

/** Null where the server does not recover connections. */
export function createRecovery(guard: Guard, io: Server): Recovery | null {
  // `_opts` is how the packages of the Socket.IO project itself read a server's options.
  const { connectionStateRecovery } = (
    io as unknown as { _opts: { connectionStateRecovery?: { skipMiddlewares?: boolean } } }
  )._opts
  if (!connectionStateRecovery) return null
  connectionStateRecovery.skipMiddlewares = false
  const keepers = new WeakMap<object, Keeper>()
  const departed = new WeakMap<Socket, Departed>()
  const returns = new WeakMap<Socket, Return & { readonly missed: readonly Missed[] }>()

  /** Null, with the reason, for whoever is to connect as a new socket. */
  async function prepare(entry: Entry, keeper: Keeper, taken: Taken, pid: string): Promise<Return | string> {
    const { sid, data, presented } = taken.session as Partial<Session>
    if (!isSocketId(sid) || typeof data !== 'object' || data === null) return 'malformed'
    const { [RECORD_KEY]: text, ...own } = data as Record<string, unknown>
    const record = readRecord(text)
    if (record === null) return 'malformed'
    const code = refusal(entry, record)
    if (code !== null) return code
    const { identity, socket, memberships, policy } = entry
    const principal = principalRoom(identity)
    const settled = new Set([sid, principal, ...memberships])
    // Rules are asked about the socket that it will be.
    const asker = { ...entry, socket: Object.create(socket, { id: { value: sid } }) as Socket }
    const rooms = await judgeRooms(guard, asker, {
      record,
      presented: keeper.history.inProcess && presented !== undefined ? presented : new Map(),
      settled,
    })
    if (rooms === null) return 'undecided_room'
    const before = new Map(record.rooms)
    const kept = new Set([...settled, ...rooms.regained.map(({ room }) => room)].filter((room) => before.has(room)))
    const owed = await withDeadline(taken.owed({ own: sid, before, kept }), guard.limits.ruleTimeoutMs, guard.clock)
    return owed === null ? 'history' : { keeper, former: { sid, pid, data: own }, record, policy, rooms, owed }
  }

  /** Why this session is not for this socket, or null. */
  function refusal({ identity }: Entry, { issuer, subject, issuedAt, expiresAt, names }: AwayRecord): string | null {
    if (!isSamePrincipal(identity, { ...identity, issuer, subject })) return 'principal'
    if (isExpired({ expiresAt }, guard.clock.now() / 1000)) return 'expired'
    return guard.revocations.find(names, issuedAt) === null ? null : 'revoked'
  }

  /** At the very moment of connecting; nothing may come between this and what the client is told. */
  function lastLook(entry: Entry, found: Return): boolean {
    const now = guard.clock.now() / 1000
    const missed = found.owed()
    const holds =
      missed !== null &&
      // What it may have back was decided under a policy that a reload may have replaced.
      guard.policyOf(entry.socket.nsp) === found.policy &&
      endOfEntry(guard, entry) === null &&
      refusal(entry, found.record) === null &&
      !found.rooms.regained.some((grant) => isExpired(grant, now))
    if (holds) returns.set(entry.socket, { ...found, missed })
    return holds
  }

  /** In a word, what became of it. */
  async function comeBack(entry: Entry, keeper: Keeper, { pid, offset }: RecoveryRequest): Promise<string> {
    const gone = () => entry.state !== 'connecting'
    const taking = keeper.history.take(pid, offset, gone)
    const taken = await withDeadline(taking, guard.limits.ruleTimeoutMs, guard.clock)
    if (taken === null) return 'unknown_session'
    const found = await prepare(entry, keeper, taken, pid)
    if (typeof found === 'string') return found
    if (gone()) return 'gone'
    return adopt(entry.socket, found.former, () => lastLook(entry, found)) ? 'recovered' : 'id_taken'
  }

  return {
    watch(namespace) {
      const keeper = keepSessions(guard, namespace, departed)
      if (keeper !== null) keepers.set(namespace.adapter, keeper)
    },
    depart(entry) {
      const last = departedOf(entry)
      if (last !== null) departed.set(entry.socket, last)
    },
    async recover(entry) {
      const request = takeRequest(entry.socket)
      const keeper = keepers.get(entry.socket.nsp.adapter)
      if (request === null || keeper === undefined) return
      const startedMs = performance.now()
      let reason = 'failed'
      try {
        reason = await comeBack(entry, keeper, request)
      } catch (error) {
        guard.onError(error, 'recovery')
      }
      report(guard, entry, reason, startedMs)
    },
    afterConnect(entry) {
      const found = returns.get(entry.socket)
      if (found === undefined) return
      returns.delete(entry.socket)
      giveBack(guard, entry, found, found.missed)
    },
  }
}

/** Rooms first, so that what is sent from now on comes after what was missed. */
function giveBack(guard: Guard, entry: Entry, { keeper, former, record, rooms }: Return, missed: readonly Missed[]) {
  const { socket } = entry
  socket.join(rooms.regained.map(({ room }) => room))
  keeper.since.carry(former.sid, new Map(record.rooms))
  for (const { room, expiresAt, presented } of rooms.regained) holdGrant(guard, entry, room, expiresAt, presented)
  for (const { room, code } of rooms.lost) notify(socket, LEFT, { ...refusalOf(code), room } satisfies LeftNotice)
  for (const data of missed) (socket as unknown as Receiver).packet({ type: EVENT, data })
}

function report(guard: Guard, entry: Entry, reason: string, startedMs: number): void {
  if (!guard.audit.enabled) return
  const { namespace, socket, identity } = entry
  guard.audit.record({
    stage: 'connect',
    namespace,
    socketId: socket.id,
    identity,
    code: null,
    rule: 'recovery',
    reason,
    startedMs,
  })
}
