/** Nodes of a revocation log: who was heard of when, and which entries each has applied. */

import assert from 'node:assert/strict'
import { appendAll, appliedOne, type LogCase, newId, readerOf } from './revocation-log-assertions.ts'

const namesOf = (nodes: readonly { readonly node: string }[]) => nodes.map(({ node }) => node).sort()

/** Waits until the clock has moved, busily: the log's own clock is not ours to move. */
function pass(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

export const nodeCases: readonly LogCase[] = [
  {
    name: 'every node that has read is known to all, itself included, with its own limit',
    async run({ log }) {
      const [first, second] = [readerOf(log()), readerOf(log())]
      const alone = await first.sync({ maxStalenessMs: 5_000 })
      assert.deepEqual(namesOf(alone.nodes), [first.node])
      await second.sync({ maxStalenessMs: 70_000 })
      const { nodes } = await first.sync({ maxStalenessMs: 6_000 })
      assert.deepEqual(namesOf(nodes), [first.node, second.node].sort())
      assert.equal(nodes.find(({ node }) => node === first.node)?.maxStalenessMs, 6_000)
      assert.equal(nodes.find(({ node }) => node === second.node)?.maxStalenessMs, 70_000)
    },
  },
  {
    name: 'a node is as old as its last heartbeat, by the clock of the log',
    async run({ log }) {
      const [silent, reader] = [readerOf(log()), readerOf(log())]
      const ageOf = async () => (await reader.sync()).nodes.find(({ node }) => node === silent.node)?.ageMs ?? -1
      const before = performance.now()
      await silent.sync()
      const after = performance.now()
      pass(60)
      const leastMs = performance.now() - after
      const age = await ageOf()
      const mostMs = performance.now() - before
      assert.ok(age >= leastMs - 2 && age <= mostMs + 2, `${age} ms, not from ${leastMs} to ${mostMs}`)
      const againMs = performance.now()
      await silent.sync()
      const young = await ageOf()
      assert.ok(young <= performance.now() - againMs + 2, 'a heartbeat did not make it young')
      const { nodes } = await reader.sync()
      assert.ok((nodes.find(({ node }) => node === reader.node)?.ageMs ?? -1) >= 0)
      for (const { ageMs } of nodes) assert.ok(Number.isFinite(ageMs) && ageMs >= 0)
    },
  },
  {
    name: 'a node that left is known no longer, until it reads again; who never was may leave',
    async run({ log }) {
      const [leaving, reader] = [readerOf(log()), readerOf(log())]
      await leaving.sync()
      await log().leave(leaving.node)
      await log().leave(newId())
      assert.deepEqual(namesOf((await reader.sync()).nodes), [reader.node])
      await leaving.sync()
      assert.deepEqual(namesOf((await reader.sync()).nodes), [leaving.node, reader.node].sort())
    },
  },
  {
    name: 'who awaits an entry is told which nodes applied it, and what it closed there; in the very answer too',
    async run({ log }) {
      const [first, second, reader] = [readerOf(log()), readerOf(log()), readerOf(log())]
      const [id, other] = [newId(), newId()]
      const awaited = async () => (await reader.sync({ awaiting: [id] })).applied
      assert.deepEqual(await awaited(), new Map([[id, new Map()]]))
      await first.sync({ applied: [...appliedOne(id, 3), ...appliedOne(other, 9)] })
      assert.deepEqual(await awaited(), new Map([[id, new Map([[first.node, 3]])]]))
      const { applied } = await second.sync({ applied: appliedOne(id, 0), awaiting: [other, id] })
      const by = new Map([
        [first.node, 3],
        [second.node, 0],
      ])
      assert.deepEqual(sorted(applied.get(id)), sorted(by))
      assert.deepEqual(applied.get(other), new Map([[first.node, 9]]))
      assert.deepEqual(sorted((await awaited()).get(id)), sorted(by))
      assert.deepEqual((await reader.sync()).applied, new Map())
    },
  },
  {
    name: 'its age is that of the first heartbeat, whoever asks',
    async run({ log }) {
      const [first, second] = [readerOf(log()), readerOf(log())]
      const startedMs = performance.now()
      const { ageMs } = await first.sync()
      // One process has no others to be missed.
      if (ageMs === Number.POSITIVE_INFINITY) return
      assert.ok(ageMs >= 0 && ageMs < 1_000, `${ageMs} at first`)
      pass(30)
      const later = (await second.sync()).ageMs
      assert.ok(later > ageMs + 20, `${later} of another node, ${ageMs} at first`)
      assert.ok(later <= performance.now() - startedMs + 1_000, `${later}`)
    },
  },
  {
    name: 'an entry that is applied again counts as it was applied last, also within one heartbeat',
    async run({ log }) {
      const [node, id] = [readerOf(log()), newId()]
      await node.sync({ applied: appliedOne(id, 2) })
      await node.sync({ applied: appliedOne(id, 1) })
      assert.deepEqual((await node.sync({ awaiting: [id, id] })).applied, new Map([[id, new Map([[node.node, 1]])]]))
      const { applied } = await node.sync({ applied: [...appliedOne(id, 7), ...appliedOne(id, 7)], awaiting: [id] })
      assert.deepEqual(applied, new Map([[id, new Map([[node.node, 7]])]]))
    },
  },
  {
    name: 'a thousand entries are acknowledged at once, and a thousand are awaited',
    async run({ log }) {
      const [node, reader] = [readerOf(log()), readerOf(log())]
      const ids = Array.from({ length: 1_000 }, newId)
      await node.sync({ applied: ids.map((id, i) => ({ id, closed: i })) })
      const { applied } = await reader.sync({ awaiting: ids })
      assert.deepEqual(
        ids.map((id) => [...(applied.get(id) ?? [])]),
        ids.map((_, i) => [[node.node, i]]),
      )
    },
  },
  {
    name: 'names of nodes and ids of entries may be of any letters',
    async run({ log }) {
      const name = `n ' " \\ : { } [ ] % é 👍 ${newId()}`
      const [node, id] = [readerOf(log(), name), `${name} id`]
      await log().append({ id, text: 'x', expiresAt: Date.now() / 1000 + 60 })
      const { nodes, applied } = await node.sync({ applied: appliedOne(id, 1), awaiting: [id] })
      assert.deepEqual(namesOf(nodes), [name])
      assert.deepEqual(applied, new Map([[id, new Map([[name, 1]])]]))
      await log().leave(name)
      assert.equal((await readerOf(log()).sync()).nodes.length, 1)
    },
  },
  {
    name: 'what a node has applied and where it stands are its own: others read all the same',
    async run({ log }) {
      const [first, second] = [readerOf(log()), readerOf(log())]
      await appendAll(log(), ['a', 'b'])
      await first.read()
      await log().leave(first.node)
      assert.deepEqual((await second.read()).texts, ['a', 'b'])
      assert.deepEqual(await first.read(), { texts: [], rewound: false })
    },
  },
]

function sorted(counts: ReadonlyMap<string, number> | undefined) {
  return [...(counts ?? [])].sort(([one], [other]) => (one < other ? -1 : 1))
}
