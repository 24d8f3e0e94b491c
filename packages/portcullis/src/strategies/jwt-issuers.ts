/** Whose tokens `jwt()` trusts: for each issuer its keys, and what its tokens must be like. */

import type { Clock } from '../core/clock.ts'
import { knownOptions, text } from '../option-checks.ts'
import type { ExpectedClaims } from './jwt-claims.ts'
import { remoteKeys } from './jwt-jwks.ts'
import { isJwtAlgorithm } from './jwt-key-hygiene.ts'
import { type KeySource, refuseGuessableSecrets, requireOneFamily, staticKeys } from './jwt-keys.ts'
import type { JwtIssuer, JwtIssuersOptions, JwtOptions } from './jwt-options.ts'
import { own, parseStrictJson } from './strict-json.ts'
import { refuse, type StrictJws } from './strict-jws.ts'

/** One issuer: its keys verify its tokens and nobody else's. */
export interface TrustedIssuer {
  readonly expected: ExpectedClaims
  readonly typ: string | undefined
  readonly keys: KeySource
}

export interface TrustedIssuers {
  /** Whose they are. */
  readonly names: readonly string[]
  /**
   * The issuer whose keys must have signed this token. Nothing is verified yet: `iss` only chooses among the issuers that
   * are configured, by exact string, and is compared once more when the signature is.
   *
   * @throws AuthError AUTH_CREDENTIAL_INVALID, reason `payload` or `issuer`, when there is none; without any fetch
   */
  of(jws: StrictJws): TrustedIssuer
  purge(): void
}

/** What all issuers have in common. */
export interface IssuerLimits {
  readonly leewaySeconds: number
  readonly maxLifetimeSeconds: number
  readonly clock: Pick<Clock, 'now'>
}

const ISSUER_OPTIONS = new Set(['keys', 'audience', 'algorithms', 'typ', 'profile'])

/** @throws TypeError that quotes the option, never its value */
export function trustedIssuers(
  options: JwtOptions<unknown> | JwtIssuersOptions<unknown>,
  limits: IssuerLimits,
): TrustedIssuers {
  const { issuers } = options
  if (issuers === undefined) {
    const only = trustedIssuer(options.issuer, options, limits)
    return { names: Object.freeze([only.expected.issuer]), of: () => only, purge: () => only.keys.purge() }
  }
  if (options.issuer !== undefined || options.keys !== undefined) {
    throw new TypeError('"issuers" takes the place of "issuer" and "keys": give one or the other')
  }
  if (typeof issuers !== 'object' || issuers === null || Array.isArray(issuers) || Object.keys(issuers).length === 0) {
    throw new TypeError('"issuers" must be an object with an entry for each issuer')
  }
  const { audience, algorithms, typ, profile } = options
  const byName = new Map(
    Object.entries(issuers).map(([issuer, given], index) => [
      issuer,
      inEntry(index, () => {
        if (typeof given !== 'object' || given === null) throw new TypeError('must be an object with "keys"')
        knownOptions(given, ISSUER_OPTIONS, 'jwt')
        const common = { audience, algorithms, typ, profile }
        return trustedIssuer(issuer, Object.assign(Object.create(null), common, given), limits)
      }),
    ]),
  )
  return {
    names: Object.freeze([...byName.keys()]),
    of(jws) {
      const iss = own(parseStrictJson(jws.payload) ?? refuse('payload'), 'iss')
      return (typeof iss === 'string' ? byName.get(iss) : undefined) ?? refuse('issuer')
    },
    purge() {
      for (const { keys } of byName.values()) keys.purge()
    },
  }
}

function trustedIssuer(issuer: unknown, given: JwtIssuer, limits: IssuerLimits): TrustedIssuer {
  const { audience, typ, profile } = given
  const { leewaySeconds, maxLifetimeSeconds, clock } = limits
  if (typ !== undefined) text(typ, 'typ')
  if (profile !== undefined && profile !== 'at+jwt') throw new TypeError('"profile" must be "at+jwt"')
  if (profile !== undefined && typ !== undefined) throw new TypeError('"profile" says what "typ" is: give one of them')
  return {
    expected: {
      issuer: text(issuer, 'issuer'),
      audience: text(audience, 'audience'),
      profile,
      leewaySeconds,
      maxLifetimeSeconds,
    },
    typ: profile ?? typ,
    keys: keysOf(given, clock),
  }
}

function keysOf({ keys, algorithms }: JwtIssuer, clock: Pick<Clock, 'now'>): KeySource {
  if (algorithms !== undefined) {
    if (!Array.isArray(algorithms) || algorithms.length === 0 || !algorithms.every(isJwtAlgorithm)) {
      throw new TypeError('"algorithms" must be a non-empty array of JWS algorithms, and "none" is none')
    }
    requireOneFamily(algorithms)
  }
  if (keys instanceof URL || typeof keys === 'string') return remoteKeys(keys, algorithms && [...algorithms], clock)
  refuseGuessableSecrets(keys)
  return staticKeys(keys, algorithms)
}

/** Says which entry is meant by its place: what a key of the object is, only the application knows. */
function inEntry<Made>(index: number, make: () => Made): Made {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new TypeError(`"issuers", entry ${index + 1}: ${error.message}`)
  }
}
