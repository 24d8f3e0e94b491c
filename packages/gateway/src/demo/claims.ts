/** What an identity of this gateway claims, whether a session or a token says so. */

import { z } from 'zod'
import type { Account } from './accounts.ts'

/** One issuer for both kinds of credential: revoking issuer and subject ends the sockets of both. */
export const ISSUER = 'organization-news'
export const AUDIENCE = 'portcullis-gateway'

export const claimsSchema = z.object({
  name: z.string(),
  display: z.string(),
  organizations: z.array(z.object({ id: z.string(), role: z.enum(['editor', 'reader']) })),
  admin: z.boolean(),
  /** Space-separated (RFC 6749 section 3.3): `news:read`, and `news:write` for whoever is an editor anywhere. */
  scope: z.string(),
})
export type Claims = z.infer<typeof claimsSchema>

/** The account as it is now. A session or token keeps these claims until it ends. */
export function claimsOf({ name, display, organizations, admin }: Account): Claims {
  const writes = organizations.some(({ role }) => role === 'editor')
  return {
    name,
    display,
    organizations: [...organizations],
    admin,
    scope: writes ? 'news:read news:write' : 'news:read',
  }
}
