/** Plays a scenario of the vectors with socket.io-client, which knows nothing of Portcullis. */

import { io, type Socket } from 'socket.io-client'
import { type ConnectOptions, differenceOf, type Scenario, type Step } from './vectors.ts'

interface Client {
  readonly socket: Socket
  readonly timeoutMs: number
  /** What was received and not yet asked for, the disconnection as `disconnect`. */
  readonly received: { readonly event: string; readonly body: unknown }[]
  /** Resolves with the next of that name, and takes it out. */
  take(event: string): Promise<unknown>
}

/** @throws Error that says which step differs, and how */
export async function play(url: string, { steps }: Scenario, timeoutMs = 5_000): Promise<void> {
  let client: Client | null = null
  try {
    for (const [i, step] of steps.entries()) {
      if ('connect' in step) {
        client?.socket.disconnect()
        client = open(url, step.connect, timeoutMs)
      }
      if (client === null) throw new Error('a scenario begins with "connect"')
      const difference = await perform(client, step).catch((error: Error) => error.message)
      if (difference !== null) throw new Error(`step ${i + 1}, ${JSON.stringify(step)}: ${difference}`)
    }
  } finally {
    client?.socket.disconnect()
  }
}

async function perform(client: Client, step: Step): Promise<string | null> {
  if ('connect' in step) return differenceOf(step.refused ?? 'admitted', await client.take('outcome'))
  if ('emit' in step)
    return differenceOf(step.answer, await client.socket.timeout(client.timeoutMs).emitWithAck(...step.emit))
  if ('receive' in step) return differenceOf(step.body, await client.take(step.receive))
  if ('disconnected' in step) return differenceOf('io server disconnect', await client.take('disconnect'))
  if ('absent' in step) {
    return differenceOf(
      [],
      client.received.filter(({ event }) => event === step.absent),
    )
  }
  client.socket.emit(...step.send)
  return null
}

function open(url: string, { auth, headers }: ConnectOptions, timeoutMs: number): Client {
  const received: Client['received'] = []
  let arrived = () => {}
  const put = (event: string, body: unknown) => {
    received.push({ event, body })
    arrived()
  }
  const socket = io(url, {
    forceNew: true,
    reconnection: false,
    ...(auth && { auth }),
    ...(headers && { extraHeaders: headers }),
  })
  socket.onAny(put)
  socket.on('connect', () => put('outcome', 'admitted'))
  socket.on('connect_error', (error) => put('outcome', refusalIn(error)))
  socket.on('disconnect', (reason) => put('disconnect', reason))

  async function take(event: string): Promise<unknown> {
    const deadline = AbortSignal.timeout(timeoutMs)
    for (;;) {
      const i = received.findIndex((entry) => entry.event === event)
      if (i >= 0) return received.splice(i, 1)[0]?.body
      await new Promise<void>((resolve, reject) => {
        arrived = resolve
        deadline.onabort = () => reject(new Error(`no ${event} within ${timeoutMs} ms`))
      })
    }
  }
  return { socket, timeoutMs, received, take }
}

/** A namespace sends a refusal as `data`; a handshake has it as the body of its answer. */
function refusalIn(error: Error): unknown {
  const { data, context } = error as { data?: unknown; context?: { responseText?: string } }
  return data ?? JSON.parse(context?.responseText ?? 'null')
}
