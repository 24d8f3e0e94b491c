/** `hideNamespaces`: what does not exist is answered by the gate, as what is closed to whoever asks. */

import type { Namespace, Server } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'
import { deny } from '../core/decision.ts'
import type { ParentNamespace } from './policies.ts'

/** What a namespace without a policy has then: who has shown a credential is denied, as by a rule. */
export const CLOSED: CompiledPolicy = {
  connect: () => deny(),
  events: new Map(),
  rooms: [],
  memberships: null,
}

type Matches = (name: string, auth: unknown, next: (error: Error | null, matches: boolean) => void) => void

/** Namespaces that exist only because a client has named them. */
export interface UnknownNamespaces {
  /** One of them was made the application's own: it stays, also when nobody is connected to it. */
  keep(namespace: Namespace): void
}

/** Lets every name that nothing else matches be a dynamic namespace, for as long as it is asked for. */
export function catchUnknown(io: Server): UnknownNamespaces {
  const { parentNsps } = io as unknown as { readonly parentNsps: Map<Matches, ParentNamespace> }
  const unknown: Matches = (_name, _auth, next) => {
    const isLast = [...parentNsps.keys()].at(-1) === unknown
    // Socket.IO asks in order: the application's dynamic namespaces come first, those that it made later too.
    if (!isLast) {
      parentNsps.delete(unknown)
      parentNsps.set(unknown, parent)
    }
    next(null, isLast)
  }
  const parent = io.of(unknown as Parameters<Server['of']>[0]) as ParentNamespace
  return {
    keep(namespace) {
      // Socket.IO has put a `_remove` of its own on it, which takes it down with its last socket.
      if (parent.children.delete(namespace)) delete (namespace as { _remove?: unknown })._remove
    },
  }
}
