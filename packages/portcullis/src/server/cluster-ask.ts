/** Asking every node something, over the bus of the revocation log, and waiting for those that answer. */

import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'

/** Plain JSON. */
export type Answer = readonly object[]

/** What a node does about a question of one kind, whoever asks. `body` comes from another node of the same secret. */
export type AnswerTo = (body: Readonly<Record<string, unknown>>) => Promise<Answer>

export interface Answers {
  /** What each node answered, this one included. */
  readonly by: ReadonlyMap<string, Answer>
  /** Nodes that were heard of lately and have not answered in time. */
  readonly silent: readonly string[]
}

export interface ClusterAsk {
  ask(kind: string, body: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<Answers>
  /** To be told of every message of the bus. */
  receive(text: string): void
}

export interface ClusterAskOptions {
  readonly node: string
  readonly clock: Clock
  readonly handlers: Readonly<Record<string, AnswerTo>>
  /** Nodes that may be there, as they were last heard of. */
  readonly nodes: () => readonly string[]
  /** Hears of the nodes that are there now. */
  readonly look: () => Promise<void>
  readonly publish: (text: string) => Promise<void>
  readonly onError: (error: unknown, where: string) => void
}

/** A message of a bus may have 4,000 characters; what an answer has more comes in parts. */
const MAX_PART_LENGTH = 3_000

interface Asking {
  readonly parts: Map<string, (Answer | undefined)[]>
  check(): void
}

export function createClusterAsk(options: ClusterAskOptions): ClusterAsk {
  const { node, clock, handlers, publish, onError } = options
  const asking = new Map<string, Asking>()

  async function answer(kind: string, body: Readonly<Record<string, unknown>>): Promise<Answer> {
    const handler = Object.hasOwn(handlers, kind) ? handlers[kind] : undefined
    return handler === undefined ? [] : handler(body)
  }

  async function reply(id: string, kind: string, body: Readonly<Record<string, unknown>>): Promise<void> {
    const parts = partsOf(await answer(kind, body))
    for (const [i, part] of parts.entries()) {
      await publish(JSON.stringify({ answer: id, from: node, part: i, of: parts.length, items: part }))
    }
  }

  return {
    async ask(kind, body, timeoutMs) {
      const id = randomBytes(9).toString('base64url')
      const parts = new Map<string, (Answer | undefined)[]>()
      const others = () => options.nodes().filter((other) => other !== node && !isWhole(parts.get(other)))
      const all = new Promise<void>((resolve) => {
        let asked = false
        const cancel = clock.setTimer(resolve, timeoutMs)
        const check = () => {
          if (!asked || others().length > 0) return
          cancel()
          resolve()
        }
        asking.set(id, { parts, check })
        const sent = publish(JSON.stringify({ ask: id, from: node, kind, body })).catch((error) =>
          onError(error, 'bus'),
        )
        // Who came since the last heartbeat is waited for too.
        Promise.all([sent, options.look().catch(() => {})]).then(() => {
          asked = true
          check()
        })
      })
      const own = await answer(kind, body)
      await all
      asking.delete(id)
      const by = new Map<string, Answer>([[node, own]])
      for (const [other, received] of parts)
        if (isWhole(received))
          by.set(
            other,
            received.flatMap((part) => part ?? []),
          )
      return { by, silent: others() }
    },
    receive(text) {
      const message = JSON.parse(text) as Record<string, unknown>
      const { ask, answer: answered, from, kind, body, part, of, items } = message
      if (from === node || typeof from !== 'string') return
      if (typeof ask === 'string' && typeof kind === 'string' && typeof body === 'object' && body !== null) {
        reply(ask, kind, body as Record<string, unknown>).catch((error) => onError(error, 'bus'))
        return
      }
      const waiting = typeof answered === 'string' ? asking.get(answered) : undefined
      if (waiting === undefined || !Array.isArray(items)) return
      const count = Number(of)
      if (!(Number.isInteger(part) && Number.isInteger(count) && count > 0 && count <= 10_000)) return
      const received = waiting.parts.get(from) ?? new Array<Answer | undefined>(count).fill(undefined)
      if ((part as number) < received.length) received[part as number] = items as Answer
      waiting.parts.set(from, received)
      waiting.check()
    },
  }
}

function isWhole(parts: (Answer | undefined)[] | undefined): parts is Answer[] {
  return parts?.every((part) => part !== undefined) ?? false
}

function partsOf(items: Answer): Answer[] {
  const parts: object[][] = [[]]
  let length = 0
  for (const item of items) {
    const size = JSON.stringify(item).length
    if (length + size > MAX_PART_LENGTH && length > 0) {
      parts.push([])
      length = 0
    }
    parts.at(-1)?.push(item)
    length += size
  }
  return parts
}
