// @ts-check
/** F8: revocations on three nodes full of sockets. */

import { randomBytes } from 'node:crypto'
import { createClient } from 'redis'
import { ISSUER, tokenOf } from '../credentials.mjs'
import { startCrowd, startGuarded, until } from '../processes.mjs'
import { fault, missedOf, ms, quantile } from '../scenario.mjs'

const NODES = 3
const GOAL_MS = 250
const PER_CROWD = 5_000
const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'

export const scenario = fault({
  id: 'F8',
  fault: 'revocations among 10,000 sockets on three nodes',
  done: '200 people with a socket on each node are revoked one after another, on any node; then somebody with all other sockets (quick: 40 among 1,500)',
  goal: 'all sockets of a revoked person closed, as their clients see it: p99 at most 250 ms',
  seconds: 240,
  play: ({ quick }) => revokeCrowd(quick ? { sockets: 1_500, people: 40 } : { sockets: 10_000, people: 200 }),
})

/** @param {{ sockets: number, people: number }} options */
export async function revokeCrowd({ sockets, people }) {
  const prefix = `faults-${randomBytes(6).toString('hex')}`
  const nodes = await Promise.all(
    Array.from({ length: NODES }, () => startGuarded({ unlimited: true, redisUrl: REDIS_URL, prefix })),
  )
  const crowds = await Promise.all(Array.from({ length: Math.ceil(sockets / PER_CROWD) }, startCrowd))
  try {
    /** The first of them in threes, a socket on each node; the others are one person's. */
    const subjects = Array.from({ length: sockets }, (_, i) =>
      i < people * NODES ? `person-${Math.floor(i / NODES)}` : 'crowd',
    )
    const members = await Promise.all(
      subjects.map(async (subject, i) => ({
        port: nodes[i % NODES]?.port,
        kind: 'connected',
        token: await tokenOf(subject, { tokenId: `token-${i}` }),
      })),
    )
    const came = await Promise.all(
      crowds.map(({ ask }, c) =>
        ask(
          'come',
          members.filter((_, i) => i % crowds.length === c),
        ),
      ),
    )
    const admitted = came.reduce((sum, { open }) => sum + open, 0)
    if (admitted !== sockets) throw new Error(`${admitted} of ${sockets} were admitted`)
    const gone = async () =>
      (await Promise.all(crowds.map(({ ask }) => ask('count')))).reduce((sum, { closed }) => sum + closed, 0)
    /** @param {string} subject @param {number} goneThen @param {number} by */
    const revoke = async (subject, goneThen, by) => {
      const startedAt = Date.now()
      const receipt = await nodes[by % NODES]?.ask('revoke', { key: { issuer: ISSUER, subject } })
      await until(gone, (count) => count >= goneThen, 30_000, 2)
      return { startedAt, receiptMs: receipt.at - startedAt, closed: receipt.closed, complete: receipt.complete }
    }
    const revoked = []
    for (let i = 0; i < people; i += 1) revoked.push(await revoke(`person-${i}`, (i + 1) * NODES, i))
    const all = await revoke('crowd', sockets, 0)

    const notes = await Promise.all(crowds.map(({ ask }) => ask('members')))
    /** As the members were dealt out. */
    const noteOf = (/** @type {number} */ i) => notes[i % crowds.length][Math.floor(i / crowds.length)]
    const lastMs = revoked.map(({ startedAt }, p) =>
      Math.max(...Array.from({ length: NODES }, (_, n) => noteOf(p * NODES + n).closedAt - startedAt)),
    )
    const crowdMs = subjects.flatMap((subject, i) => (subject === 'crowd' ? [noteOf(i).closedAt - all.startedAt] : []))
    const codes = new Set(subjects.map((_, i) => noteOf(i).code))
    const receipts = revoked.map(({ receiptMs }) => receiptMs)
    return {
      seen: `${people} people: all closed p50 ${ms(quantile(lastMs, 0.5))}, p99 ${ms(quantile(lastMs, 0.99))}, receipt p99 ${ms(quantile(receipts, 0.99))}; ${crowdMs.length} sockets of one person: p50 ${ms(quantile(crowdMs, 0.5))}, last ${ms(Math.max(...crowdMs))}`,
      missed: missedOf({
        'p99 at most 250 ms': quantile(lastMs, 0.99) <= GOAL_MS,
        'every receipt is complete and counts its sockets': [...revoked, all].every(
          ({ complete, closed }, i) => complete && closed === (i < people ? NODES : crowdMs.length),
        ),
        'everybody heard AUTH_REVOKED': codes.size === 1 && codes.has('AUTH_REVOKED'),
      }),
    }
  } finally {
    await Promise.all([...nodes, ...crowds].map(({ stop }) => stop()))
    await forget(prefix)
  }
}

/** What the nodes kept in Redis. @param {string} prefix */
async function forget(prefix) {
  const client = createClient({ url: REDIS_URL })
  await client.connect()
  const keys = await client.keys(`{${prefix}}*`)
  if (keys.length > 0) await client.del(keys)
  await client.close()
}
