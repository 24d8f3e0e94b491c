/** Why a token was refused, in the words of jsonwebtoken, which old front ends compare. */

import { AuthError, type AuthErrorCode } from 'portcullis'

export type LegacyJwtErrorName = 'JsonWebTokenError' | 'TokenExpiredError' | 'NotBeforeError'

/** The shape of jsonwebtoken's errors. `message` is safe to send: it says what is wrong, and holds nothing of token or key. */
export class LegacyJwtError extends Error {
  override readonly name: LegacyJwtErrorName
  /** Of a token that has expired. */
  readonly expiredAt?: Date
  /** Of a token that is not yet active. */
  readonly date?: Date

  constructor(message: string, name: LegacyJwtErrorName = 'JsonWebTokenError', at?: Date) {
    super(message)
    this.name = name
    if (at !== undefined && name === 'TokenExpiredError') this.expiredAt = at
    if (at !== undefined && name === 'NotBeforeError') this.date = at
  }
}

/** The code under which Portcullis knows it, for the audit log and for `createAuth`. */
export function legacyJwtCode(error: unknown): AuthErrorCode {
  if (!(error instanceof LegacyJwtError)) return 'AUTH_ERROR'
  return error.name === 'TokenExpiredError' ? 'AUTH_EXPIRED' : 'AUTH_CREDENTIAL_INVALID'
}

/** `told` is what the old API would have handed on; it becomes the cause, and never reaches a client of `createAuth`. */
export function refusedToken(error: unknown, told: Error, reason: string): AuthError {
  return new AuthError(legacyJwtCode(error), { reason, cause: told })
}

/**
 * The answer of a strategy to `createAuth`, which reports every cause to the operator: of a credential that is merely bad there
 * is none to report, and of a failure it is the error itself.
 */
export async function forCreateAuth<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!AuthError.is(error)) throw error
    const { code, reason, cause } = error
    const isBad = code === 'AUTH_CREDENTIAL_INVALID' || code === 'AUTH_EXPIRED'
    const failure = isBad || !(cause instanceof Error) ? undefined : cause.cause
    throw new AuthError(code, {
      ...(reason === undefined ? {} : { reason }),
      ...(failure === undefined ? {} : { cause: failure }),
    })
  }
}

interface JoseError {
  readonly code?: unknown
  readonly claim?: unknown
  readonly reason?: unknown
  readonly payload?: { readonly exp?: unknown; readonly nbf?: unknown }
}

/** The error of jsonwebtoken that says what an error of jose says. */
export function fromJose(cause: unknown): LegacyJwtError {
  const { code, claim, reason, payload } = (typeof cause === 'object' && cause !== null ? cause : {}) as JoseError
  switch (code) {
    case 'ERR_JWT_EXPIRED':
      return new LegacyJwtError('jwt expired', 'TokenExpiredError', dateOf(payload?.exp))
    case 'ERR_JWT_CLAIM_VALIDATION_FAILED':
      if (reason === 'invalid') return new LegacyJwtError(`invalid ${String(claim)} value`)
      return new LegacyJwtError('jwt not active', 'NotBeforeError', dateOf(payload?.nbf))
    case 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED':
      return new LegacyJwtError('invalid signature')
    case 'ERR_JOSE_ALG_NOT_ALLOWED':
      return new LegacyJwtError('invalid algorithm')
    case 'ERR_JWS_INVALID':
    case 'ERR_JWT_INVALID':
    case 'ERR_JOSE_NOT_SUPPORTED':
      return new LegacyJwtError('invalid token')
    default:
      // The token has been taken apart already: only the key can be at fault, such as an RSA key of 1024 bits.
      return new LegacyJwtError('secret or public key cannot be used')
  }
}

function dateOf(seconds: unknown): Date | undefined {
  return typeof seconds === 'number' ? new Date(seconds * 1000) : undefined
}
