/** Private and presence channels as Pusher signs them: the signatures, and the endpoint that Pusher's clients ask. */

export { type PusherAuthEndpointOptions, pusherAuthEndpoint } from './pusher-endpoint.ts'
export type { PresenceMember, PusherUser } from './pusher-names.ts'
export type { PusherKey, PusherSignerOptions } from './pusher-options.ts'
export { pusherRule } from './pusher-rule.ts'
export {
  type ChannelSignature,
  type PusherSigner,
  pusherSigner,
  type UserSignature,
  type VerifiedChannel,
  type VerifiedUser,
} from './pusher-signature.ts'
