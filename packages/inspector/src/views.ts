/** What leaves the process: the named fields of each answer, and nothing else that an object may carry. */

import type {
  ConnectionInfo,
  ConnectionsPage,
  DecisionBatch,
  DecisionEvent,
  Explanation,
  Members,
  NodeCondition,
  Overview,
  Principal,
  ReceiptInfo,
  RoomHold,
  ShadowBatch,
  Verdict,
} from './source.ts'

/** Names are shown, not stored: longer ones are cut. Characters. */
const MAX_TEXT = 1_024
/** No page shows more of anything. */
const MAX_ITEMS = 1_000

const CONDITIONS: readonly NodeCondition[] = [
  'starting',
  'fresh',
  'suspended',
  'draining',
  'closed',
  'live',
  'silent',
  'unknown',
]

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, MAX_TEXT) : '')
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value.slice(0, MAX_TEXT) : null)
const number = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const numberOrNull = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null
const anyEffect = (value: unknown) => (value === 'none' ? 'none' : effect(value))
const effect = (value: unknown): 'permit' | 'deny' => (value === 'permit' ? 'permit' : 'deny')

function list<T, V>(values: readonly T[], view: (value: T) => V): V[] {
  return Array.isArray(values) ? values.slice(0, MAX_ITEMS).map(view) : []
}

/** A field that is there only where the answer has it. */
function optional<K extends string>(name: K, value: unknown): { [key in K]?: string } {
  return (typeof value === 'string' ? { [name]: text(value) } : {}) as { [key in K]?: string }
}

function condition(value: unknown): NodeCondition {
  return CONDITIONS.find((each) => each === value) ?? 'unknown'
}

function principal(value: Principal | null): Principal | null {
  if (value === null || value === undefined) return null
  return { scheme: text(value.scheme), issuer: text(value.issuer), subject: text(value.subject) }
}

export function overviewView(value: Overview): Overview {
  return {
    title: text(value.title),
    node: text(value.node),
    state: condition(value.state),
    version: textOrNull(value.version),
    nodes: list(value.nodes, ({ node, state, seenMsAgo, sockets }) => ({
      node: text(node),
      state: condition(state),
      seenMsAgo: numberOrNull(seenMsAgo),
      sockets: numberOrNull(sockets),
    })),
    sockets: number(value.sockets),
    namespaces: Object.fromEntries(
      list(Object.entries(value.namespaces), ([name, count]) => [text(name), number(count)] as const),
    ),
    startedAt: number(value.startedAt),
  }
}

export function connectionView(value: ConnectionInfo): ConnectionInfo {
  return {
    node: text(value.node),
    namespace: text(value.namespace),
    socketId: text(value.socketId),
    scheme: text(value.scheme),
    issuer: text(value.issuer),
    subject: text(value.subject),
    connectedAt: number(value.connectedAt),
    issuedAt: number(value.issuedAt),
    expiresAt: numberOrNull(value.expiresAt),
    withheld: list(value.withheld, text),
    rooms: list(value.rooms, holdView),
    roomsLeftOut: number(value.roomsLeftOut),
  }
}

function holdView({ room, by, expiresAt }: RoomHold): RoomHold {
  return { room: text(room), by: holdOf(by) ?? 'server', expiresAt: numberOrNull(expiresAt) }
}

function holdOf(by: unknown): RoomHold['by'] | null {
  return by === 'membership' || by === 'grant' || by === 'server' ? by : null
}

export function connectionsView(value: ConnectionsPage): ConnectionsPage {
  return {
    connections: list(value.connections, connectionView),
    next: textOrNull(value.next),
    total: numberOrNull(value.total),
    silent: list(value.silent, text),
  }
}

export function membersView(value: Members): Members {
  return {
    members: list(value.members, (member) => ({
      issuer: text(member.issuer),
      subject: text(member.subject),
      sockets: list(member.sockets, ({ socketId, node, by }) => ({
        socketId: text(socketId),
        node: text(node),
        by: holdOf(by),
      })),
      expiresAt: numberOrNull(member.expiresAt),
    })),
    partial: value.partial === true || value.members.length > MAX_ITEMS,
  }
}

export function decisionView(value: DecisionEvent): DecisionEvent {
  return {
    id: text(value.id),
    at: number(value.at),
    stage: text(value.stage),
    namespace: textOrNull(value.namespace),
    ...optional('room', value.room),
    ...optional('event', value.event),
    ...optional('address', value.address),
    ...optional('socketId', value.socketId),
    identity: principal(value.identity),
    effect: effect(value.effect),
    code: textOrNull(value.code),
    rule: text(value.rule),
    ...optional('reason', value.reason),
    tookUs: number(value.tookUs),
  }
}

export function decisionsView(value: DecisionBatch): DecisionBatch {
  return { events: list(value.events, decisionView), next: text(value.next), missed: number(value.missed) }
}

export function explanationView(value: Explanation): Explanation {
  return {
    ...verdict(value),
    effect: anyEffect(value.effect),
    steps: list(value.steps, (step) => ({
      rule: text(step.rule),
      effect: anyEffect(step.effect),
      code: textOrNull(step.code),
      ...optional('reason', step.reason),
      tookUs: number(step.tookUs),
    })),
    identity: principal(value.identity),
    at: number(value.at),
    notes: list(value.notes, text),
  }
}

export function receiptView(value: ReceiptInfo): ReceiptInfo {
  return {
    id: text(value.id),
    complete: value.complete === true,
    nodes: list(value.nodes, ({ node, state, closed }) => ({
      node: text(node),
      state: state === 'applied' || state === 'fenced' ? state : 'pending',
      closed: number(closed),
    })),
    closed: number(value.closed),
  }
}

export function shadowView(value: ShadowBatch): ShadowBatch {
  return {
    differences: list(value.differences, (difference) => ({
      at: number(difference.at),
      stage: text(difference.stage),
      namespace: textOrNull(difference.namespace),
      ...optional('room', difference.room),
      ...optional('event', difference.event),
      identity: principal(difference.identity),
      enforced: verdict(difference.enforced),
      shadow: verdict(difference.shadow),
    })),
    next: text(value.next),
    missed: number(value.missed),
  }
}

function verdict(value: Pick<Verdict, 'code' | 'rule'> & { readonly effect: unknown }): Verdict {
  return { effect: effect(value.effect), code: textOrNull(value.code), rule: text(value.rule) }
}
