/** Secrets that this run searches all its output, answers and stores for: fixtures use them, and say what was told to whom. */

import { channel } from 'node:diagnostics_channel'

/** The twelve kinds, as the workspace draws them for each run. */
export type Planted =
  | 'jwt'
  | 'hmac-secret'
  | 'cookie-secret'
  | 'session-id'
  | 'api-key'
  | 'password'
  | 'ticket'
  | 'dsn-password'
  | 'introspection-client-secret'
  | 'webhook-signing-key'
  | 'php-session-id'
  | 'pem-private-key'

const told_ = channel('portcullis-test:told')
const made_ = channel('portcullis-test:made')

/** The secret of a kind: 32 letters and digits; of a JWT, what stands in its header; a webhook's in `whsec_…`, a key in PEM. */
export function planted(kind: Planted): string {
  const secrets = process.env.PORTCULLIS_TEST_SECRETS
  if (secrets === undefined) throw new Error('the secrets of a run are drawn by the global setup of the workspace')
  return (JSON.parse(secrets) as Record<Planted, string>)[kind]
}

/** Something that a client or an operator was told, and that must hold none of them; nor one of `also`, which are API keys of the fixture. */
export function told(place: string, value: unknown, also: readonly string[] = []): void {
  if (told_.hasSubscribers) told_.publish({ place, value, also })
}

/** One that the library has drawn itself. */
export function made(kind: Planted, value: string): void {
  made_.publish({ kind, value })
}
