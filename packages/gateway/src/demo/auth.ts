/** Ending the authority of an account, for sockets and for HTTP alike. */

import type { Auth, Receipt } from 'portcullis'
import type { Accounts } from './accounts.ts'
import { ISSUER } from './claims.ts'

export const SESSION_COOKIE = 'portcullis.sid'

/** Ends every session and token of an account, for sockets and for HTTP alike, also after a restart. */
export async function revokeAccount(auth: Auth, accounts: Accounts, id: string): Promise<Receipt> {
  const issuedBefore = Date.now() / 1000
  await accounts.markRevoked(id, issuedBefore)
  return auth.revoke({ issuer: ISSUER, subject: id }, { issuedBefore })
}

/** Sockets forget revocations when the process ends; the accounts remember them. */
export async function restoreRevocations(auth: Auth, accounts: Accounts, maxLifetimeSeconds: number): Promise<void> {
  for (const { id, revokedAt } of await accounts.revokedSince(Date.now() / 1000 - maxLifetimeSeconds)) {
    await auth.revoke({ issuer: ISSUER, subject: id }, { issuedBefore: revokedAt })
  }
}
