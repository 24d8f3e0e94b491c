/** Who calls the control API, and what they may do. */

import { Problem } from './problem.ts'

/** What a credential of the control API may be good for. */
export const PERMISSIONS = [
  'publish',
  'revoke',
  'sessions',
  'disconnect',
  'reconcile',
  'tickets',
  'presence',
  'explain',
] as const

/** One of `PERMISSIONS`. As a scope of a token: `control:publish` and so on. */
export type Permission = (typeof PERMISSIONS)[number]

/** What reaches beyond any namespace, so that no credential of some namespaces may have it. */
export const UNBOUNDED: readonly Permission[] = ['revoke', 'disconnect', 'explain']

/** Whoever a request was authenticated as. */
export interface Caller {
  readonly kind: 'key' | 'jwt'
  /** Of a key its name; of a token its issuer and subject. For audit logs; holds no credential. */
  readonly name: string
  readonly permissions: ReadonlySet<Permission>
  /** The namespaces that it may name; null for all. */
  readonly namespaces: ReadonlySet<string> | null
}

/** @throws Problem AUTH_FORBIDDEN for a key, AUTH_INSUFFICIENT_SCOPE for a token, NAMESPACE_FORBIDDEN */
export function requirePermission({ kind, permissions, namespaces }: Caller, permission: Permission): void {
  if (!permissions.has(permission)) {
    throw new Problem(kind === 'jwt' ? 'AUTH_INSUFFICIENT_SCOPE' : 'AUTH_FORBIDDEN', {
      detail: `The permission "${permission}" is needed.`,
    })
  }
  if (namespaces !== null && UNBOUNDED.includes(permission)) {
    throw new Problem('NAMESPACE_FORBIDDEN', { detail: `"${permission}" is not bounded by namespaces.` })
  }
}

/** True where the caller may name this namespace. Compared whole: a name that is spelt otherwise is another. */
export function reaches({ namespaces }: Caller, namespace: string): boolean {
  return namespaces === null || namespaces.has(namespace)
}

/** @throws Problem NAMESPACE_FORBIDDEN with where it was named */
export function requireReach(
  caller: Caller,
  namespace: string,
  where: { readonly pointer: string } | { readonly parameter: string },
): void {
  if (reaches(caller, namespace)) return
  throw new Problem('NAMESPACE_FORBIDDEN', {
    errors: [{ ...where, detail: 'is not among the namespaces of this credential' }],
  })
}
