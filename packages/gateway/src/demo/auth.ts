/** Portcullis as this gateway uses it: two kinds of credential, one issuer. */

import type { Store } from 'express-session'
import { type Auth, createAuth, type Identity, type Receipt } from 'portcullis'
import { jwt } from 'portcullis/strategies/jwt'
import { session } from 'portcullis/strategies/session'
import type { Accounts } from './accounts.ts'
import { AUDIENCE, type Claims, claimsSchema, ISSUER } from './claims.ts'
import type { Login } from './sign-in.ts'

export type GatewayIdentity = Identity<'jwt', Claims> | Identity<'session', Claims>

export const SESSION_COOKIE = 'portcullis.sid'

export interface GatewayAuthOptions {
  readonly origins: readonly string[]
  readonly store: Store
  readonly sessionSecret: string
  readonly sessionLifetimeSeconds: number
  readonly tokenSecret: Uint8Array
  readonly tokenLifetimeSeconds: number
  readonly onError: (error: unknown, where: string) => void
}

/** The clocks of two gateways may differ by this much. */
const LEEWAY_SECONDS = 1

export function createGatewayAuth(options: GatewayAuthOptions): Auth<GatewayIdentity> {
  const { origins, store, sessionLifetimeSeconds, tokenLifetimeSeconds } = options
  return createAuth({
    origins,
    // Over plain http to another machine, browsers say of a page's first polling request only where it refers to.
    allowReferer: true,
    strategies: [
      jwt({
        issuer: ISSUER,
        audience: AUDIENCE,
        keys: options.tokenSecret,
        claims: claimsSchema,
        leewaySeconds: LEEWAY_SECONDS,
        maxLifetimeSeconds: tokenLifetimeSeconds,
      }),
      session({
        store,
        secret: options.sessionSecret,
        name: SESSION_COOKIE,
        issuer: ISSUER,
        identify: ({ passport }: { passport?: { user?: Login } }) => passport?.user ?? null,
        leaseSeconds: sessionLifetimeSeconds,
        maxLifetimeSeconds: sessionLifetimeSeconds,
      }),
    ],
    onError: options.onError,
  })
}

/** Ends every session and token of an account, for sockets and for HTTP alike, also after a restart. */
export async function revokeAccount(auth: Auth<GatewayIdentity>, accounts: Accounts, id: string): Promise<Receipt> {
  const issuedBefore = Date.now() / 1000
  await accounts.markRevoked(id, issuedBefore)
  return auth.revoke({ issuer: ISSUER, subject: id }, { issuedBefore })
}

/** Sockets forget revocations when the process ends; the accounts remember them. */
export async function restoreRevocations(
  auth: Auth<GatewayIdentity>,
  accounts: Accounts,
  maxLifetimeSeconds: number,
): Promise<void> {
  for (const { id, revokedAt } of await accounts.revokedSince(Date.now() / 1000 - maxLifetimeSeconds)) {
    await auth.revoke({ issuer: ISSUER, subject: id }, { issuedBefore: revokedAt })
  }
}
