// @ts-check
/** The run: batches of inputs, what came of each, and what is left when all is over. */

import { readdirSync } from 'node:fs'
import { playAll } from './batch.mjs'
import { blame, isSlow, slowness } from './blame.mjs'
import { write } from './findings.mjs'
import { generate } from './grammar.mjs'
import { readInputs, sizeOf } from './input.mjs'
import { signature } from './judge.mjs'
import { leftAtTheEnd } from './leftovers.mjs'
import { mutate } from './mutate.mjs'
import { createRandom } from './random.mjs'
import { startTarget, TargetLost } from './target.mjs'

/** @typedef {import('./input.mjs').Input} Input */

const CORPUS = new URL('corpus/', import.meta.url)
const BATCH = 48
/** Inputs whose answers were of a new kind are kept to be changed further, so many of them. */
const MAX_POOL = 400
const MAX_FINDINGS = 10

/** @param {{ seconds: number, inputs: number, seed: number, log: (line: string) => void }} options */
export async function fuzz({ seconds, inputs, seed, log }) {
  const random = createRandom(seed)
  let pool = corpus()
  /** @type {import('./findings.mjs').Finding[]} */
  const findings = []
  /** @type {Set<string>} */
  const signatures = new Set()
  const count = { connections: 0, inputs: 0, websocket: 0, polling: 0, php: 0, admitted: 0, handled: 0, confirmed: 0 }
  let slowestMs = 0
  log(`seed ${seed}, ${pool.length} inputs to begin with`)
  let target = await startTarget()
  const before = await target.ask('state')

  /** @param {string} what @param {Input[]} about */
  function found(what, about) {
    const file = write(what, seed, about)
    findings.push({ what, file })
    log(`FOUND ${what}\n  npm run fuzz -- --replay ${file}`)
  }

  /** What ends the server is found out by playing each alone, and not tried again. @param {Input[]} batch @param {() => Promise<void>} work */
  async function unlessLost(batch, work) {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof TargetLost)) throw error
      await target.stop()
      const culprits = await blame(batch)
      found(error.message, culprits)
      pool = pool.filter((input) => !culprits.includes(input))
      target = await startTarget()
    }
  }

  /** @param {Input[]} batch */
  async function round(batch) {
    const { results, isSuspect } = await playAll(target, batch, count.connections + 1)
    /** @type {Set<Input>} */
    const alone = new Set(isSuspect ? batch : [])
    for (const { input, played, observed, wrong } of results) {
      count.connections += 1
      count.inputs += sizeOf(input)
      count[input.transport] += 1
      if (input.php !== null) count.php += 1
      count.admitted += observed.filter(({ kind }) => kind === 'admitted').length
      count.handled += observed.filter(({ kind }) => kind === 'handled').length
      for (const what of wrong) found(what, [input])
      const kind = signature(input, played)
      if (signatures.has(kind)) continue
      signatures.add(kind)
      alone.add(input)
      if (pool.length < MAX_POOL) pool.push(input)
      else pool[random.below(MAX_POOL)] = input
    }
    // What may have taken long among others, and what got answers of a new kind, is played alone and counts by its best attempt.
    for (const input of alone) {
      const ms = await slowness(target, input)
      count.confirmed += 1
      slowestMs = Math.max(slowestMs, ms)
      if (isSlow(ms)) found(`${ms.toFixed(1)} ms for one input`, [input])
    }
  }

  const make = () => (random.once(3) ? generate(random) : mutate(random, random.pick(pool), random.pick(pool)))
  let startedMs = performance.now()
  const elapsed = () => (performance.now() - startedMs) / 1000
  try {
    const seeds = [...pool]
    // What runs for the first time is compiled meanwhile: that is not the input's doing.
    await unlessLost(seeds, async () => {
      for (let times = 0; times < 2; times += 1) await playAll(target, seeds, 0)
    })
    startedMs = performance.now()
    while (elapsed() < seconds && count.inputs < inputs && findings.length < MAX_FINDINGS) {
      const batch = count.connections === 0 ? [...pool] : random.list(BATCH, make)
      await unlessLost(batch, () => round(batch))
    }
    const left = await leftAtTheEnd(target, before)
    if (left.length > 0) found(`left at the end: ${left.join(', ')}`, [])
  } finally {
    await target.stop()
  }
  const took = elapsed()
  return {
    seed,
    seconds: Math.round(took * 10) / 10,
    ...count,
    inputsPerSecond: Math.round(count.inputs / took),
    kindsOfAnswers: signatures.size,
    slowestConfirmedMs: Math.round(slowestMs * 100) / 100,
    findings,
  }
}

/** @returns {Input[]} */
function corpus() {
  const files = readdirSync(CORPUS).filter((name) => name.endsWith('.json'))
  return files.sort().flatMap((name) => readInputs(new URL(name, CORPUS)))
}
