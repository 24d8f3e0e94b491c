/** Puts the old authorization on a Socket.IO 4 server: the gate on its engine, and one middleware on each namespace. */

import { randomUUID } from 'node:crypto'
import type { AuditEvent } from 'portcullis'
import type { ExtendedError, Namespace, Server, Socket } from 'socket.io'
import { admitLegacy } from './legacy-admission.ts'
import { toSink } from './legacy-audit.ts'
import { isOwnPage } from './legacy-origin.ts'
import { askFor, type Charge, codeOf, namespaceStrategy, refusalOf } from './socketio-0.9-admission.ts'
import { type HttpRefusal, installGate } from './socketio-0.9-gate.ts'
import { bestow, type Connection, connectionOf, type EngineRequest } from './socketio-0.9-handshake.ts'
import { LIBRARY, type Settings } from './socketio-0.9-options.ts'

/** After so many refusals of namespaces a connection is closed. */
const MAX_REFUSALS = 10

/** The authorization of one server. */
export interface Installation {
  /** Null until a function has been set. */
  global: Charge | null
  readonly namespaces: WeakMap<Namespace, Charge>
  readonly parents: Set<ParentNamespace>
  /** Guards all namespaces, present and future, and gives their sockets the old `handshake`. */
  guardAll(): void
  guard(namespace: Namespace): void
}

export type ParentNamespace = Namespace & { readonly children: ReadonlySet<Namespace> }

const installations = new WeakMap<Server, Installation>()

/** @throws TypeError for a server that restores connections past every middleware */
export function installationOf(io: Server): Installation {
  const known = installations.get(io)
  if (known !== undefined) return known
  const { connectionStateRecovery } = (io as unknown as { opts: { connectionStateRecovery?: unknown } }).opts
  if (connectionStateRecovery) {
    throw new TypeError(
      `${LIBRARY}: "connectionStateRecovery" restores sockets without asking; leave it out, or use createAuth, which guards it`,
    )
  }
  const made = createInstallation(io)
  installations.set(io, made)
  return made
}

function createInstallation(io: Server): Installation {
  const guarded = new WeakSet<Namespace>()
  const asked = new WeakSet<Socket>()
  let all = false
  const installation: Installation = {
    global: null,
    namespaces: new WeakMap(),
    parents: new Set(),
    guardAll() {
      if (all) return
      installGate(io, decideGlobally)
      all = true
      for (const namespace of io._nsps.values()) this.guard(namespace)
      io.on('new_namespace', this.guard)
    },
    guard(namespace) {
      if (guarded.has(namespace)) return
      guarded.add(namespace)
      namespace.use(namespaceGate)
      namespace.prependListener('connect', givesHandshake)
      if (isParent(namespace)) for (const child of namespace.children) installation.guard(child)
    },
  }

  async function decideGlobally(request: EngineRequest): Promise<HttpRefusal | null> {
    const startedMs = performance.now()
    const connection = connectionOf(request)
    const { global } = installation
    if (global === null || global.fn === null) {
      connection.verdict = 'authorized'
      return null
    }
    const { settings } = global
    if (request.headers.cookie !== undefined && !isOwnPage(asSocket(io, request), settings.origins)) {
      connection.verdict = 'error'
      recordHandshake(settings, connection, 'AUTH_ORIGIN_REFUSED', startedMs)
      return { status: 403, body: 'handshake bad origin' }
    }
    connection.verdict = await askFor(global, global.fn, connection)
    if (connection.verdict === 'authorized') return null
    recordHandshake(settings, connection, codeOf(connection.verdict), startedMs)
    if (settings.refuseAt === 'namespace') return null
    return connection.verdict === 'error'
      ? { status: 500, body: 'handshake error' }
      : { status: 403, body: 'handshake unauthorized' }
  }

  /** Calls `next` exactly once, and never throws. */
  function namespaceGate(socket: Socket, next: (error?: ExtendedError) => void): void {
    // A child of a dynamic namespace inherits this gate from its parent, and gets it once more.
    if (asked.has(socket)) {
      next()
      return
    }
    asked.add(socket)
    const charge = chargeOf(socket.nsp)
    const { global } = installation
    if (!global?.fn && !charge?.fn) {
      next()
      return
    }
    // WebTransport has none, and nothing could be asked about.
    if (!socket.request) {
      next(new Error('handshake error'))
      return
    }
    const connection = connectionOf(requestOf(socket))
    connection.close = () => socket.conn.close()
    const { audit, origins } = (charge ?? global)?.settings ?? {}
    admitLegacy(socket, {
      library: LIBRARY,
      strategy: namespaceStrategy(global, charge, connection),
      ...(audit === undefined ? {} : { audit }),
      ...(origins === undefined ? {} : { origins }),
    }).then(
      () => process.nextTick(next),
      (error) => {
        process.nextTick(next, refusalOf(error))
        connection.refusals += 1
        // Socket.IO writes the refusal on the next tick; closing has to come after that.
        if (connection.refusals >= MAX_REFUSALS) setImmediate(connection.close)
      },
    )
  }

  function givesHandshake(socket: Socket): void {
    if (socket.request) bestow(socket, connectionOf(requestOf(socket)))
  }

  function chargeOf(namespace: Namespace): Charge | null {
    const own = installation.namespaces.get(namespace)
    if (own !== undefined) return own
    for (const parent of installation.parents) {
      if (parent.children.has(namespace)) return installation.namespaces.get(parent) ?? null
    }
    return null
  }

  return installation
}

function recordHandshake(
  { audit }: Settings,
  { handshakeData }: Connection,
  code: NonNullable<AuditEvent['code']>,
  startedMs: number,
): void {
  if (audit === undefined) return
  toSink(audit, {
    id: randomUUID(),
    at: Date.now() / 1000,
    stage: 'handshake',
    namespace: null,
    address: handshakeData.address?.address,
    identity: null,
    effect: 'deny',
    code,
    rule: `compat/${LIBRARY}`,
    tookUs: Math.round((performance.now() - startedMs) * 1000),
  })
}

/** `isOwnPage` looks at the request of a socket; here there is no socket yet. */
function asSocket(io: Server, request: EngineRequest): Socket {
  return { nsp: { server: io }, request } as unknown as Socket
}

/** Not `socket.request`, of which other facades give a socket a view of its own. */
function requestOf(socket: Socket): EngineRequest {
  return (socket.conn as unknown as { readonly request: EngineRequest }).request
}

export function isParent(namespace: Namespace): namespace is ParentNamespace {
  return 'children' in namespace && namespace.children instanceof Set
}

/**
 * Of two dynamic namespaces with one pattern Socket.IO uses the first: the other's function would never be asked.
 *
 * @throws TypeError quoting the pattern
 */
export function requireOnlyParent(namespace: ParentNamespace): void {
  const { parentNamespacesFromRegExp: known } = namespace.server as unknown as WithParents
  const [pattern] = [...(known ?? [])].find(([, parent]) => parent === namespace) ?? []
  const twin = [...(known ?? [])].some(([other, parent]) => parent !== namespace && String(other) === String(pattern))
  if (!twin) return
  throw new TypeError(
    `${LIBRARY}: "io.of(${pattern})" was called before and made another namespace; keep what it returned`,
  )
}

interface WithParents {
  readonly parentNamespacesFromRegExp?: ReadonlyMap<RegExp, Namespace>
}
