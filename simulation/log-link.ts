/** The way from a node to the store and back, as the port that the node is given: slow, cut in either direction, or deaf. */

import type { LogListener, RevocationLog } from '../packages/portcullis/src/core/revocation-log.ts'
import type { Rng } from './rng.ts'
import type { BusMessage, Store } from './store.ts'
import type { Process, World } from './world.ts'

/** What is wrong with the store itself, for everybody. */
export interface StoreHealth {
  mode: 'well' | 'refuses' | 'hangs'
  /** Of messages of the bus, how many are lost. */
  busLoss: number
  /** How long a request or an answer takes. Milliseconds. */
  slownessMs: number
}

/** What is wrong with the way of one node. */
export interface LogLink {
  readonly log: RevocationLog
  /** Requests do not arrive; answers do not. */
  cutOut: boolean
  cutIn: boolean
}

export interface LogLinkOptions {
  readonly world: World
  readonly rng: Rng
  readonly process: Process
  readonly store: Store
  readonly health: StoreHealth
}

export function createLogLink({ world, rng, process, store, health }: LogLinkOptions): LogLink {
  const latencyMs = () => rng.between(0.1, 2) + (rng.chance(0.1) ? rng.between(0, health.slownessMs) : 0)

  /** Settles when an answer arrives, if one does; some clients notice that a connection is gone, some do not. */
  function ask<T>(work: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (delayMs: number) => world.message(process, delayMs, () => reject(new Error('connection lost')))
      if (link.cutOut) {
        if (rng.chance(0.5)) fail(rng.between(1, 200))
        return
      }
      world.after(latencyMs(), () => {
        if (health.mode === 'refuses') return fail(latencyMs())
        if (health.mode === 'hangs') return
        const answer = work()
        if (!link.cutIn) world.message(process, latencyMs(), () => resolve(answer))
        else if (rng.chance(0.5)) fail(rng.between(1, 200))
      })
    })
  }

  function hear(listener: LogListener, message: BusMessage): void {
    if (link.cutIn || rng.chance(health.busLoss)) return
    world.message(process, latencyMs(), () => {
      if (message.kind === 'appended') listener.appended()
      else if (message.kind === 'applied') listener.applied(message.id)
      else listener.message(message.text)
    })
  }

  const link: LogLink = {
    cutOut: false,
    cutIn: false,
    log: {
      shared: true,
      append: (entry) => ask(() => store.append(entry)),
      sync: (heartbeat) => ask(() => store.sync(heartbeat)),
      leave: (node) => ask(() => store.leave(node)),
      publish: (text) => ask(() => store.publish({ kind: 'message', text })),
      listen: (listener) =>
        ask(() => store.listen((message) => hear(listener, message))).then((stop) => async () => stop()),
    },
  }
  return link
}
