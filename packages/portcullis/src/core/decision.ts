/** Decisions: permit or deny, never a boolean. */

import { type AuthErrorCode, CODES } from '../errors.ts'

/** The codes that a rule may deny with. */
export type DenyCode = AuthErrorCode

/** Yes, and until when. Made by `permit`. */
export interface Permit {
  readonly effect: 'permit'
  /** Epoch seconds at which this permission ends by itself, or null: as long as the lease. */
  readonly expiresAt: number | null
}

/** No, and with which code. Made by `deny`. */
export interface Deny {
  readonly effect: 'deny'
  readonly code: DenyCode
}

/** What a rule returns. Made by `permit`, `deny` and `permitIf`. */
export type Decision = Permit | Deny

const PERMIT: Permit = Object.freeze({ effect: 'permit', expiresAt: null })
const FORBIDDEN: Deny = Object.freeze({ effect: 'deny', code: 'AUTH_FORBIDDEN' })

/**
 * Permits.
 *
 * @example permit({ expiresAt: membership.endsAt }) // for a room: it is left at that second
 */
export function permit(options?: { readonly expiresAt: number | null }): Permit {
  return options === undefined || options.expiresAt === null
    ? PERMIT
    : Object.freeze({ effect: 'permit', expiresAt: options.expiresAt })
}

/** Denies, with AUTH_FORBIDDEN unless another code is given. */
export function deny(code: DenyCode = 'AUTH_FORBIDDEN'): Deny {
  return code === 'AUTH_FORBIDDEN' ? FORBIDDEN : Object.freeze({ effect: 'deny', code })
}

/**
 * Permits when the condition is exactly `true`. A truthy value that is not `true` does not compile, and denies.
 *
 * @example permitIf(identity.claims.org === params.org)
 */
export function permitIf(condition: boolean): Decision {
  return condition === true ? PERMIT : FORBIDDEN
}

/** True for what most rules return: the decisions of this module that say nothing but their effect. */
export function isPlain(value: unknown): value is Decision {
  return value === PERMIT || value === FORBIDDEN
}

/**
 * What a rule returned, made safe: anything but a well-formed decision is null. Only own properties count, so a polluted
 * `Object.prototype` cannot permit.
 */
export function asDecision(value: unknown): Decision | null {
  if (isPlain(value)) return value
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'effect')) return null
  const { effect } = value as { effect: unknown }
  if (effect === 'permit') {
    const expiresAt = Object.hasOwn(value, 'expiresAt') ? (value as { expiresAt: unknown }).expiresAt : undefined
    return expiresAt === null || (typeof expiresAt === 'number' && Number.isFinite(expiresAt))
      ? (value as Permit)
      : null
  }
  if (effect === 'deny') {
    const code = Object.hasOwn(value, 'code') ? (value as { code: unknown }).code : undefined
    return typeof code === 'string' && Object.hasOwn(CODES, code) ? (value as Deny) : null
  }
  return null
}
