/** The second policies of a guard, by namespace. */

import type { Namespace } from 'socket.io'
import type { ShadowDifference } from '../core/shadow.ts'
import type { Guard } from './guard.ts'
import { createShadow } from './shadow.ts'
import type { Shadow, Shadows } from './shadow-port.ts'
import { createShadowQueue } from './shadow-queue.ts'

export function createShadows(guard: () => Guard): Shadows {
  const shadows = new Map<Namespace, Shadow>()
  const queue = createShadowQueue()
  return {
    of(namespace) {
      // Asked for every event: most guards have none.
      if (shadows.size === 0) return undefined
      const own = shadows.get(namespace)
      if (own !== undefined) return own
      for (const [parent, shadow] of shadows) if (hasChild(parent, namespace)) return shadow
      return undefined
    },
    set(namespace, policy, onDifference) {
      shadows.set(namespace, createShadow({ guard, queue, namespace: namespace.name, policy, onDifference }))
    },
    delete(namespace) {
      shadows.delete(namespace)
    },
    counts: () => [...shadows.values()].map((shadow) => shadow.counts),
    close() {
      shadows.clear()
      queue.close()
    },
  }
}

function hasChild(parent: Namespace, namespace: Namespace): boolean {
  const { children } = parent as Namespace & { readonly children?: unknown }
  return children instanceof Set && children.has(namespace)
}

/** @throws TypeError quoting the option */
export function requireShadow(options: unknown): asserts options is {
  readonly policy: unknown
  readonly onDifference: (difference: ShadowDifference) => unknown
} {
  if (typeof options !== 'object' || options === null) throw new TypeError('"shadow" must be an object')
  for (const option of Object.keys(options)) {
    if (option !== 'policy' && option !== 'onDifference') throw new TypeError(`"shadow.${option}" is not an option`)
  }
  const { onDifference } = options as { readonly onDifference?: unknown }
  if (typeof onDifference !== 'function') throw new TypeError('"shadow.onDifference" must be a function')
}
