/** A server of one test alone, for facts about a server's options: bare and guarded. */

import { io as connectClient, type Socket } from 'socket.io-client'
import { afterTest } from '../cleanups.ts'
import { type Kind, openServer } from './server.mjs'
import type { ClientOptions } from './stage.ts'

/** Where a client begins that polls. */
export const HANDSHAKE = '/socket.io/?EIO=4&transport=polling'

type Settings = Omit<Parameters<typeof openServer>[0], 'kind'>

export async function ownServer(kind: Kind, settings: Settings = {}) {
  const server = await openServer({ kind, ...settings })
  afterTest(() => server.close())
  return {
    ...server,
    /** A client that is about to connect; closed after the test. */
    client(namespace = '/facts', options: ClientOptions = {}): Socket {
      const socket = connectClient(server.url + namespace, { forceNew: true, reconnection: false, ...options })
      afterTest(() => void socket.disconnect())
      return socket
    },
  }
}

/** A client that only speaks HTTP, a request at a time. */
export async function pollingClient(url: string) {
  const { sid } = JSON.parse((await (await fetch(`${url}${HANDSHAKE}`)).text()).slice(1)) as { sid: string }
  return {
    sid,
    poll: (headers: Record<string, string> = {}) => fetch(`${url}${HANDSHAKE}&sid=${sid}`, { headers }),
    leave: () => post(url, sid, '1'),
  }
}

export function post(url: string, sid: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}${HANDSHAKE}&sid=${sid}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/plain;charset=UTF-8', ...headers },
  })
}
