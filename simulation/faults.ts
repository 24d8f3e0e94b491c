/** What goes wrong, and for how long. */

import type { StoreHealth } from './log-link.ts'
import type { Node } from './node.ts'
import type { Rng } from './rng.ts'
import type { Store } from './store.ts'
import type { World } from './world.ts'

export interface FaultOptions {
  readonly world: World
  readonly rng: Rng
  readonly store: Store
  readonly health: StoreHealth
  readonly maxStalenessMs: number
  readonly nodes: () => readonly Node[]
  readonly startNode: () => void
  /** Takes it out of `nodes`. */
  readonly dropNode: (node: Node) => void
  readonly trace: (text: string) => void
  readonly skewMs: () => number
}

export interface Faults {
  /** One of them begins; those that end by themselves do. */
  strike(): void
  /** All of them end. */
  heal(): void
}

export function createFaults(options: FaultOptions): Faults {
  const { world, rng, store, health, maxStalenessMs, nodes, trace } = options
  const durationMs = () => maxStalenessMs * rng.pick([rng.between(0, 0.5), rng.between(0.5, 3)])

  const kinds: readonly ((node: Node) => void)[] = [
    (node) =>
      during(
        `${node.name} is paused`,
        () => world.pause(node.process),
        () => world.resume(node.process),
      ),
    (node) => cut(node, rng.pick(['out', 'in', 'both'])),
    (node) => cut(node, rng.pick(['out', 'in', 'both'])),
    (node) => {
      trace(`${node.name} crashes`)
      options.dropNode(node)
      node.crash()
      world.after(durationMs(), options.startNode)
    },
    (node) => {
      trace(`${node.name} is closed`)
      options.dropNode(node)
      world.message(node.process, 0, () => void node.close())
      world.after(durationMs(), options.startNode)
    },
    () => {
      health.mode = rng.pick(['refuses', 'hangs'])
      during(
        `the store ${health.mode}`,
        () => {},
        () => {
          health.mode = 'well'
        },
      )
    },
    () => {
      const count = rng.pick([0, 1, 1, 2, 3])
      trace(`the store fails over and loses ${count} entries`)
      store.failOver(count, maxStalenessMs * rng.between(-1, 1) * 0.5)
    },
    () => {
      if (rng.chance(0.6)) return
      trace('the store loses everything')
      store.flush()
    },
    (node) => {
      trace(`the wall clock of ${node.name} is set`)
      node.setSkew(options.skewMs())
    },
  ]

  function during(what: string, begin: () => void, end: () => void): void {
    const ms = durationMs()
    trace(`${what} for ${Math.round(ms)} ms`)
    begin()
    world.after(ms, () => {
      trace(`${what} no more`)
      end()
    })
  }

  function cut(node: Node, way: string): void {
    const set = (is: boolean) => {
      if (way !== 'in') node.link.cutOut = is
      if (way !== 'out') node.link.cutIn = is
    }
    during(
      `${node.name} is cut off (${way})`,
      () => set(true),
      () => set(false),
    )
  }

  return {
    strike() {
      const alive = nodes()
      if (alive.length > 0) rng.pick(kinds)(rng.pick(alive))
    },
    heal() {
      trace('all faults end')
      health.mode = 'well'
      health.busLoss = 0
      health.slownessMs = 1
      for (const node of nodes()) {
        node.link.cutOut = false
        node.link.cutIn = false
        world.resume(node.process)
      }
    },
  }
}
