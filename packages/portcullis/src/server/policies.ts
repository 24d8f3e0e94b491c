/** Which policy is in force in which namespace, the children of dynamic ones included. */

import type { Namespace } from 'socket.io'
import type { CompiledPolicy } from '../core/compiled-policy.ts'

export interface Policies {
  /** The policy of a namespace, or of the dynamic one that it is a child of; undefined where it is closed. */
  of(namespace: Namespace): CompiledPolicy | undefined
  /** True when it has one of its own. */
  has(namespace: Namespace): boolean
  set(namespace: Namespace, policy: CompiledPolicy): void
  /** From now on it is closed. */
  delete(namespace: Namespace): void
  /** Every namespace with a policy of its own. */
  namespaces(): Iterable<Namespace>
}

export function createPolicies(): Policies {
  const byNamespace = new Map<Namespace, CompiledPolicy>()
  const parents = new Set<ParentNamespace>()
  return {
    of(namespace) {
      const own = byNamespace.get(namespace)
      if (own !== undefined) return own
      for (const parent of parents) if (parent.children.has(namespace)) return byNamespace.get(parent)
      return undefined
    },
    has: (namespace) => byNamespace.has(namespace),
    set(namespace, policy) {
      byNamespace.set(namespace, policy)
      if (isParent(namespace)) parents.add(namespace)
    },
    delete(namespace) {
      byNamespace.delete(namespace)
      if (isParent(namespace)) parents.delete(namespace)
    },
    namespaces: () => [...byNamespace.keys()],
  }
}

export type ParentNamespace = Namespace & { readonly children: Set<Namespace> }

/** True for a dynamic namespace, whose children get their sockets. */
export function isParent(namespace: Namespace): namespace is ParentNamespace {
  return 'children' in namespace && namespace.children instanceof Set
}
