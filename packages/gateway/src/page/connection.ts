/** The two sockets of the page, kept authorized by `portcullis/client`. */

import type { Refusal, RefusedReply } from 'portcullis'
import { AuthRefusal, type ClientAuth, withAuth } from 'portcullis/client'
import { io, type Socket } from 'socket.io-client'
import { logRefusal } from './refusal-log.ts'
import { showRefusal, showStatus } from './status.ts'

export interface Connection {
  readonly socket: Socket
  readonly auth: ClientAuth
}

export interface ConnectionListeners {
  connected(): void
  /** The connection is gone; `refusal` says why when the server did. */
  ended(refusal: Refusal | null): void
}

/** A token to present, or null: the browser's cookie speaks. */
let token: string | null = null

export function useToken(next: string | null): void {
  token = next
}

/** Long polling first, which shows why a handshake was refused; a browser's WebSocket never does. */
export function openNamespace(namespace: string, listeners: ConnectionListeners): Connection {
  const socket = io(namespace, { autoConnect: false })
  const auth = withAuth(socket, { credential: () => token })
  const refused = (what: string, refusal: Refusal, willRetry: boolean) => {
    // A new credential takes the person: without a password, a second attempt would only be refused again.
    const retrying = willRetry && refusal.retry === 'backoff'
    if (!retrying) socket.disconnect()
    logRefusal(what, refusal, retrying)
    if (namespace === '/news') showRefusal(refusal, retrying)
    listeners.ended(refusal)
  }
  auth.on('connected', listeners.connected)
  auth.on('refused', ({ willRetry, ...refusal }) => refused(`connect to ${namespace}`, refusal, willRetry))
  auth.on('closed', ({ willRetry, ...refusal }) => refused(`connection to ${namespace}`, refusal, willRetry))
  auth.on('left', (notice) => logRefusal(`room ${notice.room}`, notice))
  socket.on('disconnect', (reason) => {
    if (reason === 'io server disconnect' || reason === 'io client disconnect') return
    if (namespace === '/news') showStatus('offline', 'The connection was lost. Trying again by itself.')
    listeners.ended(null)
  })
  return { socket, auth }
}

/** The answer to an event, or null after its refusal was logged. */
export async function ask<Body extends object>(
  { socket }: Connection,
  what: string,
  event: string,
  ...args: unknown[]
): Promise<Body | null> {
  return attempt(what, async () => {
    let reply: Body | RefusedReply
    try {
      reply = await socket.timeout(5_000).emitWithAck(event, ...args)
    } catch (cause) {
      throw new AuthRefusal({ code: 'NO_ANSWER', message: 'The server did not answer.', retry: 'backoff' }, { cause })
    }
    if ('error' in reply) throw new AuthRefusal(reply.error)
    return reply
  })
}

/** Null after the refusal of `work` was logged. */
export async function attempt<Result>(what: string, work: () => Promise<Result>): Promise<Result | null> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof AuthRefusal)) throw error
    logRefusal(what, error)
    return null
  }
}
