/** Everything that a client is told in all the ways in which it can be refused: HTTP answers and frames, as text. */

import type { Socket } from 'socket.io-client'
import { type Harness, ORIGIN, outcome } from '../harness.ts'

export const POLLING = '/socket.io/?EIO=4&transport=polling'
export const UPGRADE = '/socket.io/?EIO=4&transport=websocket'
export const TRANSPORTS = ['polling', 'websocket'] as const

/** What comes in over this client from now on, packet by packet. */
export function heardBy(client: Socket): string[] {
  const heard: string[] = []
  client.io.engine.on('packet', ({ type, data }) => heard.push(`${type} ${String(data ?? '')}`))
  return heard
}

/** The HTTP answers to a credential, by polling and by upgrade, headers included. */
export async function httpAnswers({ get, upgrade }: Harness, headers: Record<string, string>): Promise<string[]> {
  const answers = [await get(POLLING, headers), await upgrade(UPGRADE, headers)]
  return answers.map(({ status, headers: { date: _, ...rest }, body }) =>
    JSON.stringify({ status, headers: rest, body }),
  )
}

/** All that a client hears of its connect, over one transport. */
export async function connectAnswers(
  server: Harness,
  namespace: string,
  auth: object,
  transport: (typeof TRANSPORTS)[number],
): Promise<{
  readonly heard: string[]
  readonly refusal: Awaited<ReturnType<typeof outcome>>
  readonly client: Socket
}> {
  const client = server.client(namespace, { auth, transports: [transport] })
  const heard = heardBy(client)
  const refusal = await outcome(client)
  return { heard, refusal, client }
}

/** Headers that show a key in each place where the harness's strategy reads one. */
export const presented = (key: string): Record<string, string>[] => [
  { authorization: `Bearer ${key}` },
  { cookie: `key=${encodeURIComponent(key)}`, origin: ORIGIN },
]
