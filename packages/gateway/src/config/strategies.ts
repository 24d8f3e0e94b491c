/** Strategies as the file writes them: `use` says which, the rest are its options. */

import { z } from 'zod'
import type { Leaves } from './leaves.ts'

/** Where an identity comes from in what a store holds: CEL expressions over `session` or `row`. */
const identify = z
  .strictObject({
    when: z.string().min(1).optional().describe('CEL; without true there is nobody: the session is of no login.'),
    subject: z.string().min(1).describe('CEL; text or a whole number.'),
    issuedAt: z.string().min(1).optional().describe('CEL; when the login happened, epoch seconds.'),
    claims: z.record(z.string(), z.string().min(1)).default({}).describe('CEL for each claim.'),
  })
  .describe('Who it is: CEL expressions over what was found.')
export type Identify = z.output<typeof identify>

const seconds = (leaves: Leaves, description: string) => leaves.integer(1, 366 * 86_400, description)

const from = (leaves: Leaves) =>
  z
    .array(
      z.union([
        z.strictObject({ header: z.literal('authorization'), scheme: leaves.text().optional() }),
        z.strictObject({ auth: leaves.text() }),
        z.strictObject({ cookie: leaves.text() }),
        z.strictObject({ query: leaves.text() }),
        z.strictObject({ protocol: leaves.text() }),
      ]),
    )
    .min(1)
    .describe('Where the credential is read: header, auth, cookie, protocol, or query (which ends up in logs).')
export type From = z.output<ReturnType<typeof from>>

/** The schema of one strategy, by `use`. */
export function strategySchema(leaves: Leaves) {
  const common = {
    scheme: leaves.text().optional().describe('The name in identities, logs and metrics. Default: as `use`.'),
    leaseSeconds: seconds(leaves, 'How long it is believed without being looked at again.').optional(),
    maxLifetimeSeconds: seconds(leaves, 'The longest that a credential of this kind can live.').optional(),
  }
  const issuer = leaves.text().optional().describe("Default: the file's `issuer`.")
  const revalidated = { revalidateEveryMs: leaves.integer(100, 86_400_000).optional() }
  const secret = leaves.secret(32)
  const cookieSession = { cookie: leaves.text().optional(), identify, issuer, ...common, ...revalidated }

  return z.discriminatedUnion(
    'use',
    [
      z.strictObject({
        use: z.literal('jwt'),
        issuer: leaves.text(),
        audience: leaves.text(),
        jwks: leaves.text().optional().describe("URL of the issuer's key set."),
        secret: z
          .union([secret, z.array(secret).min(1)])
          .optional()
          .describe('For HMAC. A list while one replaces another.'),
        publicKey: leaves
          .text()
          .optional()
          .describe('A public key in PEM (SPKI); name an environment variable for it.'),
        algorithms: z.array(z.string()).min(1).optional(),
        profile: z.literal('at+jwt').optional(),
        leewaySeconds: leaves.integer(0, 300).optional(),
        from: from(leaves).optional(),
        scheme: common.scheme,
        maxLifetimeSeconds: common.maxLifetimeSeconds,
      }),
      z.strictObject({
        use: z.literal('session'),
        secret: z.union([leaves.secret(16), z.array(leaves.secret(16)).min(1)]),
        prefix: leaves.text().default('sess:').describe('What its keys in Redis begin with.'),
        ...cookieSession,
      }),
      z.strictObject({
        use: z.literal('php-session'),
        prefix: leaves.text().optional().describe('Default PHPREDIS_SESSION:'),
        format: z.enum(['php', 'php_serialize', 'php_binary', 'igbinary']).optional(),
        ...cookieSession,
      }),
      z.strictObject({
        use: z.literal('laravel-session'),
        appKey: leaves.secret(16),
        prefix: leaves.text(),
        cipher: z.enum(['aes-128-cbc', 'aes-256-cbc', 'aes-128-gcm', 'aes-256-gcm']).optional(),
        serialization: z.enum(['php', 'json']).optional(),
        cookie: leaves.text().optional(),
        issuer,
        ...common,
        ...revalidated,
      }),
      z.strictObject({
        use: z.literal('access-token'),
        table: leaves.text().optional(),
        query: leaves.text().optional(),
        columns: z.array(leaves.text()).optional(),
        hash: z.enum(['none', 'sha256']).optional(),
        identify: identify.optional(),
        from: from(leaves).optional(),
        issuer,
        ...common,
        ...revalidated,
      }),
      z.strictObject({
        use: z.literal('introspection'),
        url: leaves.text(),
        issuer: leaves.text(),
        audience: leaves.text(),
        clientId: leaves.text(),
        clientSecret: leaves.secret(1),
        from: from(leaves).optional(),
        ...common,
        ...revalidated,
      }),
      z.strictObject({
        use: z.literal('api-key'),
        query: leaves.text().describe('$1 is the prefix; gives hash, subject, and if it likes claims, expires_at.'),
        issuer,
        ...common,
        ...revalidated,
      }),
      z.strictObject({
        use: z.literal('trusted-headers'),
        proxies: z.array(leaves.text()).min(1),
        subject: leaves.text().describe('Name of the header.'),
        claims: z.record(z.string(), leaves.text()).optional().describe('Claim to name of header.'),
        issuer,
        ...common,
      }),
      z.strictObject({
        use: z.literal('ticket'),
        ttlSeconds: leaves.integer(1, 600).optional(),
        issuer,
        ...common,
      }),
      z.strictObject({
        use: z.literal('hook'),
        headers: z.array(leaves.text()).default([]),
        cookies: z.array(leaves.text()).default([]),
        from: from(leaves).optional(),
        issuer,
        refreshSeconds: seconds(leaves, 'How often the backend is asked again.').optional(),
      }),
      z.strictObject({
        use: z.literal('anonymous'),
        leaseSeconds: common.leaseSeconds,
      }),
    ],
    'must name a strategy in "use"',
  )
}
export type StrategyConfig = z.output<ReturnType<typeof strategySchema>>
