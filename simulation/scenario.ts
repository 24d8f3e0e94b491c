/** One seed: a cluster, its clients, an operator and what goes wrong; then peace, and a look at what is left. */

import type { Revocation } from '../packages/portcullis/src/core/revocation.ts'
import { createClient } from './client.ts'
import { createFaults } from './faults.ts'
import { createLogLink, type StoreHealth } from './log-link.ts'
import { createNode, type Node, type Settings } from './node.ts'
import { giveOrder } from './operator.ts'
import { createOracle } from './oracle.ts'
import { inspectAtRest } from './peace.ts'
import { createRng } from './rng.ts'
import { createStore } from './store.ts'
import { createTokens } from './tokens.ts'
import { createWorld, type World } from './world.ts'

export interface Outcome {
  readonly seed: number
  readonly violations: readonly string[]
  /** How many things happened. */
  readonly steps: number
  /** Things that were seen, by name. */
  readonly counts: Readonly<Record<string, number>>
}

export interface ScenarioOptions {
  readonly trace?: (text: string) => void
}

/** How fast a clock may run at most, and its inverse at least, so that two of them differ by a tenth. */
const FASTEST = Math.sqrt(1.1)
const SUBJECTS = ['user-0', 'user-1', 'user-2']
const CLIENTS = 6
/** How long the troubles last, in times of `maxStalenessMs`. */
const TROUBLES = 8

export async function runSeed(seed: number, options: ScenarioOptions): Promise<Outcome> {
  const rng = createRng(seed)
  const world = createWorld()
  const violations: string[] = []
  const counts: Record<string, number> = {}
  const count = (what: string) => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  const trace = (text: string) => options.trace?.(`${(world.nowMs / 1000).toFixed(3).padStart(8)} ${text}`)
  const violated = (what: string) => {
    trace(`VIOLATION ${what}`)
    violations.push(what)
  }
  const settings: Settings = {
    maxStalenessMs: rng.pick([500, 500, 500, 1_000]),
    suspendedForMs: rng.pick([200, 1_000, 3_000]),
    leaseGraceMs: rng.pick([0, 0, 800]),
    singleConnection: rng.chance(0.1),
    recovery: rng.chance(0.5),
  }
  const { maxStalenessMs } = settings
  const [aboutMs, farMs] = [rng.pick([5, 500, 29_000]), 29_000]
  const skewMs = () => rng.between(-1, 1) * Math.min(aboutMs, farMs)
  const stalenessMs = maxStalenessMs * FASTEST + 5
  const tokens = createTokens()
  const names = new Map<string, string>()
  const oracle = createOracle({
    nowMs: () => world.nowMs,
    violated,
    nodeOf: (name) => names.get(name),
    stalenessMs,
    singleConnection: settings.singleConnection,
  })
  const storeRate = rng.between(1 / FASTEST, FASTEST)
  const store = createStore(() => world.nowMs * storeRate, {
    kept({ text }) {
      oracle.kept(text)
      // At the worst moment: whoever wrote it knows that it is there, and has not read it.
      if (rng.chance(0.02)) world.after(rng.between(0, 5), () => store.failOver(1, 0))
    },
    lost: oracle.lost,
  })
  const health: StoreHealth = {
    mode: 'well',
    busLoss: rng.pick([0, 0.1, 1]),
    slownessMs: rng.pick([1, 30, maxStalenessMs]),
  }
  const unhandled = (error: unknown) => violated(`nobody handled ${error}`)
  let nodes: Node[] = []
  let started = 0

  function startNode(): void {
    started += 1
    const name = `node-${started}`
    const process = world.process(name)
    trace(`${name} starts`)
    world.message(process, 0, () => {
      const link = createLogLink({ world, rng, process, store, health })
      nodes.push(
        createNode({
          name,
          world,
          rng,
          process,
          link,
          oracle,
          tokens,
          settings,
          rate: rng.between(1 / FASTEST, FASTEST),
          skewMs: skewMs(),
          named: (logName) => names.set(logName, name),
          violated,
          alarmed: (error) => count(`alarm: ${error instanceof Error ? error.message : error}`),
        }),
      )
    })
  }

  const faults = createFaults({
    world,
    rng,
    store,
    health,
    maxStalenessMs,
    nodes: () => nodes,
    startNode,
    dropNode: (node) => {
      nodes = nodes.filter((other) => other !== node)
    },
    trace,
    skewMs,
  })
  const clients = Array.from({ length: CLIENTS }, (_, i) => {
    const subject = SUBJECTS[i % SUBJECTS.length] as string
    return createClient({ world, rng, tokens, subject, session: `session-of-${subject}`, nodes: () => nodes, trace })
  })
  const operator = { world, rng, oracle, subjects: SUBJECTS, trace, violated }

  process.on('unhandledRejection', unhandled)
  process.on('uncaughtException', unhandled)
  const random = Math.random
  Math.random = rng.next
  let steps = 0
  try {
    for (let i = 0; i < 3; i += 1) startNode()
    for (const client of clients) world.after(rng.between(1, 300), client.start)
    const endMs = TROUBLES * maxStalenessMs
    every(world, () => maxStalenessMs * rng.between(0.1, 1), endMs, faults.strike)
    every(
      world,
      () => maxStalenessMs * rng.between(0.1, 1.5),
      endMs,
      () => {
        if (nodes.length > 0) giveOrder(operator, rng.pick(nodes))
      },
    )
    every(
      world,
      () => rng.between(10, 60),
      endMs,
      () => {
        for (const node of nodes) world.message(node.process, rng.between(0, 5), () => node.speak(rng))
      },
    )
    await run(endMs)
    faults.heal()
    await run(endMs + 2 * maxStalenessMs + 500)
    for (const client of clients) client.stop()
    if (violations.length === 0) {
      const binding: readonly Revocation[] = oracle.binding(nodes.map(({ name }) => name))
      await inspectAtRest({
        world,
        rng,
        nodes,
        tokens,
        binding,
        run,
        violated,
        failed: () => violations.length > 0,
        trace,
      })
    }
  } finally {
    Math.random = random
    process.off('unhandledRejection', unhandled)
    process.off('uncaughtException', unhandled)
  }
  return { seed, violations, steps, counts }

  async function run(endMs: number): Promise<void> {
    for (let happening = world.next(endMs); happening !== null; happening = world.next(endMs)) {
      steps += 1
      const owner = happening.process
      happening.fn()
      if (owner === null) continue
      // Every promise that is settled has its say.
      await new Promise(setImmediate)
      if (rng.chance(0.1) && owner.state === 'running') nodes.find(({ process }) => process === owner)?.speak(rng)
      if (violations.length > 0) return
    }
  }
}

function every(world: World, intervalMs: () => number, endMs: number, fn: () => void): void {
  const at = intervalMs()
  if (world.nowMs + at >= endMs) return
  world.after(at, () => {
    fn()
    every(world, intervalMs, endMs, fn)
  })
}
