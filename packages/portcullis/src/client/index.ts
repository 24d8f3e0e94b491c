/** `portcullis/client`: the browser's half. */

export type { ClientClock } from './clock.ts'
export type { ClientAuthState } from './connector.ts'
export type { AskCredential, Credential } from './credential.ts'
export type { ClientAuth, ClientAuthEvents, ClosedNotice, RefusedEventNotice, RefusedNotice } from './events.ts'
export { AuthRefusal } from './refusal.ts'
export { type WithAuthOptions, withAuth } from './with-auth.ts'
