/** The rule for rooms that are joined with a channel's signature. */

import { deny, permit } from '../core/decision.ts'
import type { RoomRequest, Rule } from '../core/policy.ts'
import type { PusherSigner } from './pusher-signature.ts'

/**
 * Permits a room when what the client presents with it, as the endpoint answered (`{ auth, channel_data? }`), is a
 * signature for this socket and the channel of the same name. Denies in every other case.
 *
 * Does not check: who the socket's identity is, whom `channel_data` names, and when it was signed. As long as the socket
 * keeps its id, the signature lets it come back; so a room that somebody must lose needs a rule of the application too.
 *
 * @throws TypeError at once, when the signer is none
 *
 * @example
 * auth.protect(io, { events: {}, rooms: { 'private-{name}': pusherRule(signer) } })
 * // the client: socket.emitWithAck('auth:join', 'private-orders', await (await fetch('/pusher/auth', …)).json())
 *
 * @see https://pusher.com/docs/channels/using_channels/private-channels/ ; subpath `portcullis/channels/pusher`
 */
export function pusherRule(signer: PusherSigner): Rule<RoomRequest> {
  if (typeof signer?.verifyChannel !== 'function') throw new TypeError('"signer" must be made by pusherSigner')
  const permitted = permit()
  const denied = deny()
  return function signatureRule({ room, socketId, presented }) {
    const auth = field(presented, 'auth')
    const channelData = field(presented, 'channel_data')
    return signer.verifyChannel({ socketId, channel: room, auth, channelData }) === null ? denied : permitted
  }
}

function field(presented: unknown, name: string): unknown {
  return typeof presented === 'object' && presented !== null && Object.hasOwn(presented, name)
    ? (presented as Record<string, unknown>)[name]
    : undefined
}
