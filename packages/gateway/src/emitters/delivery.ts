/** What emitters ask for, done to the sockets of this node and no others: every node hears the message by itself. */

import type { Namespace, Server } from 'socket.io'
import type { Command } from './command.ts'
import type { Emission, Target } from './emission.ts'
import { RefusedEmission } from './refusal.ts'

/** @throws RefusedEmission `namespace` when the gateway does not protect it */
export function deliver(io: Server, isProtected: (namespace: string) => boolean, emission: Emission): void {
  const namespace = namespaceOf(io, isProtected, emission)
  if (namespace === null) return
  let operator = reaching(namespace, emission)
  if (emission.volatile) operator = operator.volatile
  if (emission.compress !== null) operator = operator.compress(emission.compress)
  operator.emit(emission.event, ...emission.args)
}

/** @throws RefusedEmission `namespace` when the gateway does not protect it */
export function obey(io: Server, isProtected: (namespace: string) => boolean, command: Command): void {
  const namespace = namespaceOf(io, isProtected, command.target)
  if (namespace === null) return
  const sockets = reaching(namespace, command.target)
  if (command.kind === 'disconnect') sockets.disconnectSockets(command.close)
  else if (command.kind === 'join') sockets.socketsJoin([...command.rooms])
  else sockets.socketsLeave([...command.rooms])
}

function reaching(namespace: Namespace, { rooms, except }: Target) {
  return namespace.local.to([...rooms]).except([...except])
}

/** Null for one that has no socket on this node. `io.of` is not asked: it would make what is not there. */
function namespaceOf(io: Server, isProtected: (namespace: string) => boolean, { namespace }: Target): Namespace | null {
  if (!isProtected(namespace)) throw new RefusedEmission('namespace')
  return io._nsps.get(namespace) ?? null
}
