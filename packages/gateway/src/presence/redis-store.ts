/** Presence of several nodes, in Redis: what a node has written is believed for as long as the node is heard of. */

import { randomUUID } from 'node:crypto'
import { failureOf, type PresenceClient, type PresenceSubscriber, scriptsOf } from './redis-commands.ts'
import { BEAT, MEMBERS, PUT, SWEEP } from './redis-scripts.ts'
import { memberField, readChange, readMembers, roomName } from './redis-text.ts'
import type { PresenceNode, PresenceRecord, PresenceStore, PutOutcome } from './store.ts'

/** Options of `redisPresence`. */
export interface RedisPresenceOptions {
  readonly client: PresenceClient
  readonly subscriber: PresenceSubscriber
  /** What its keys and its channel begin with, in braces. Default `portcullis:presence`. */
  readonly prefix?: string
}

const OUTCOMES: readonly unknown[] = ['join', 'leave', 'none', 'unknown']
/** Of what a node has left behind, in one step: Redis does nothing else meanwhile. */
const SWEPT_AT_ONCE = '200'
const OPEN_TIMEOUT_MS = 5_000

/**
 * Keeps presence in Redis 6.2 or later. Who can write to that Redis can invent members. A node that is killed is missed after `ttlMs`, by
 * whichever node looks first.
 *
 * @throws TypeError when the prefix has braces
 */
export function redisPresence({
  client,
  subscriber,
  prefix = 'portcullis:presence',
}: RedisPresenceOptions): PresenceStore {
  if (typeof prefix !== 'string' || prefix === '' || /[{}]/.test(prefix)) {
    throw new TypeError('"prefix" must be a non-empty string without braces')
  }
  const tag = `{${prefix}}`
  const nodes = `${tag}:nodes`
  const state = `${tag}:state`
  const channel = `${tag}:changes`
  const rooms = `${tag}:room:`
  const slotsOf = (node: string) => `${tag}:slots:${node}`
  const run = scriptsOf(client)
  let node: PresenceNode | null = null
  let epoch = ''
  let timer: NodeJS.Timeout | undefined
  let failing = false

  const heard = (message: string) => {
    const change = readChange(message)
    if (change !== null) node?.noticed(change)
  }

  async function beat(self: PresenceNode): Promise<void> {
    const args = [self.name, String(self.ttlMs), epoch, randomUUID(), String(self.ttlMs / 2)]
    const answer = (await run(BEAT, [nodes, state], args)) as [string, number, number, string[]]
    const [found, isKnown, wasSilent, dead] = answer
    const before = epoch
    epoch = found
    if (before !== '' && before !== found) self.rebuild('lost')
    else if (before !== '' && isKnown === 0) self.rebuild('swept')
    else if (wasSilent === 1) self.rebuild('silent')
    self.reachable()
    for (const name of dead) await sweep(self, name)
  }

  async function sweep(self: PresenceNode, name: string): Promise<void> {
    for (let left = 1; left > 0 && node === self; ) {
      const answer = (await run(SWEEP, [nodes, slotsOf(name)], [name, rooms, channel, SWEPT_AT_ONCE])) as unknown[]
      left = Number(answer[0])
      for (const text of answer.slice(1)) {
        const change = readChange(text)
        if (change !== null) self.changed(change)
      }
    }
  }

  /** One at a time, so that an answer that is late keeps none of the next ones waiting. */
  function keepBeating(self: PresenceNode): void {
    timer = setTimeout(
      () => {
        beat(self).then(
          () => {
            failing = false
            if (node === self) keepBeating(self)
          },
          (error: unknown) => {
            if (!failing && node === self) self.failed(failureOf(error))
            failing = true
            if (node === self) keepBeating(self)
          },
        )
      },
      Math.min(1_000, self.ttlMs / 4),
    )
    timer.unref()
  }

  async function putOne(self: PresenceNode, record: PresenceRecord): Promise<PutOutcome> {
    const { namespace, room, issuer, subject, scheme, since, connections, announced } = record
    const name = roomName(namespace, room)
    const counted = [String(connections), String(since), scheme]
    const args = [memberField(issuer, subject), self.name, ...counted, name, channel, announced ? '1' : '0']
    const outcome = await run(PUT, [rooms + name, slotsOf(self.name), nodes], args).catch((error: unknown) => {
      if (!failing) self.failed(failureOf(error))
      failing = true
      return 'failed'
    })
    if (outcome === 'join' || outcome === 'leave') {
      self.changed({ kind: outcome, namespace, room, issuer, subject, scheme, at: Math.floor(Date.now() / 1000) })
    }
    return OUTCOMES.includes(outcome) ? (outcome as PutOutcome) : 'failed'
  }

  return {
    async open(opened) {
      node = opened
      try {
        await beat(opened)
        await inTime(subscriber.subscribe(channel, heard))
      } catch (error) {
        node = null
        // A client without a connection answers when it has one again.
        subscriber.unsubscribe(channel, heard).catch(() => undefined)
        throw failureOf(error)
      }
      keepBeating(opened)
    },
    async put(records) {
      const self = node
      if (self === null) return records.map(() => 'failed')
      // All in one turn: the client sends them together.
      return Promise.all(records.map((record) => putOne(self, record)))
    },
    async members(namespace, room) {
      const answer = await run(MEMBERS, [rooms + roomName(namespace, room), state], []).catch((error: unknown) => {
        throw failureOf(error)
      })
      const [uncertain, flat] = answer as [number, unknown]
      return { members: readMembers(flat), partial: uncertain === 1 }
    },
    async close() {
      const self = node
      node = null
      clearTimeout(timer)
      if (self === null) return
      await subscriber.unsubscribe(channel, heard).catch(() => undefined)
      // What could not be put is swept by others, and at once.
      await client.sendCommand(['ZADD', nodes, 'XX', '0', self.name]).catch(() => undefined)
    },
  }
}

async function inTime(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${OPEN_TIMEOUT_MS} ms`)), OPEN_TIMEOUT_MS)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
