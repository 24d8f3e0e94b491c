/** What a revocation log forgets and loses: a reader never breaks on the one, and is told of the other. */

import assert from 'node:assert/strict'
import { appendAll, inSeconds, type LogCase, listenTo, newId, readerOf } from './revocation-log-assertions.ts'

const texts = (count: number, of: string) => Array.from({ length: count }, (_, i) => `${of} ${i}`)

export const lossCases: readonly LogCase[] = [
  {
    name: 'a place that it never gave is unknown: it says so, and is read from its start',
    async run({ log }) {
      const reader = readerOf(log())
      const unknown = ['', 'nonsense', '99999999-1', '-1', '1.5', 'NaN', "'; --", '9'.repeat(30), `${newId()}-1`]
      for (const cursor of unknown) {
        const { entries, rewound, more } = await reader.sync({ cursor })
        assert.deepEqual([cursor, entries, rewound, more], [cursor, [], true, false])
      }
      await appendAll(log(), ['a', 'b'])
      for (const cursor of unknown) {
        const { entries, rewound } = await reader.sync({ cursor })
        assert.deepEqual([cursor, rewound, entries.map(({ text }) => text)], [cursor, true, ['a', 'b']])
      }
      const state = await reader.sync({ cursor: null })
      assert.deepEqual([state.rewound, state.entries.length], [false, 2])
    },
  },
  {
    name: 'what has ended is forgotten as others come; what lasts is kept, and no reader is disturbed or misses anything',
    async run({ log, age }) {
      if (age === undefined) return
      const [mine, follower, early] = [log(), readerOf(log()), readerOf(log())]
      await appendAll(mine, ['lasts'])
      await appendAll(mine, texts(150, 'ended'), inSeconds(-10))
      await appendAll(mine, ['lasts too'])
      await appendAll(mine, ['newest, and ended'], inSeconds(-10))
      assert.equal((await follower.read()).texts.length, 153)
      await early.sync({ cursor: null })
      await age()
      for (const [i, text] of texts(4, 'later').entries()) {
        await appendAll(mine, [text])
        assert.deepEqual(await follower.read(), { texts: [text], rewound: false }, `at ${i}`)
      }
      assert.deepEqual((await readerOf(log()).read()).texts, ['lasts', 'lasts too', ...texts(4, 'later')])
      assert.deepEqual(await early.read(), { texts: texts(4, 'later'), rewound: false })
    },
  },
  {
    name: 'an entry is kept until it ends, however old it is',
    async run({ log, age }) {
      if (age === undefined) return
      await appendAll(log(), texts(3, 'ends in an hour'))
      await age()
      await appendAll(log(), ['newest'])
      assert.deepEqual((await readerOf(log()).read()).texts, [...texts(3, 'ends in an hour'), 'newest'])
    },
  },
  {
    name: 'an entry that has ended when it comes is read all the same, by those who are there',
    async run({ log }) {
      const reader = readerOf(log())
      await reader.read()
      await appendAll(log(), ['ended', 'ended too'], inSeconds(-3600))
      await appendAll(log(), ['lasts'])
      assert.deepEqual(await reader.read(), { texts: ['ended', 'ended too', 'lasts'], rewound: false })
    },
  },
  {
    name: 'an entry that is refused for its id forgets nothing: the newest stays, though it has ended',
    async run({ log, age }) {
      if (age === undefined) return
      const [reader, id] = [readerOf(log()), newId()]
      await log().append({ id, text: 'lasts', expiresAt: inSeconds(3600) })
      await appendAll(log(), ['ended'], inSeconds(-10))
      await reader.read()
      await age()
      await log().append({ id, text: 'lasts', expiresAt: inSeconds(3600) })
      assert.deepEqual(await reader.read(), { texts: [], rewound: false })
    },
  },
  {
    name: 'an id that was forgotten may come again, and is read',
    async run({ log, age }) {
      if (age === undefined) return
      const id = newId()
      await log().append({ id, text: 'first', expiresAt: inSeconds(-10) })
      await age()
      await appendAll(log(), ['between'])
      await log().append({ id, text: 'again', expiresAt: inSeconds(60) })
      assert.deepEqual((await readerOf(log()).read()).texts, ['between', 'again'])
    },
  },
  {
    name: 'X07: after a loss of everything each reader is told once, and reads what comes from then on',
    async run({ log, loseAll }) {
      if (loseAll === undefined) return
      const [first, second] = [readerOf(log()), readerOf(log())]
      const [id, expiresAt] = [newId(), inSeconds(3600)]
      await appendAll(log(), texts(5, 'lost'))
      await log().append({ id, text: 'lost, and written again', expiresAt })
      await Promise.all([first.read(), second.read()])
      while ((await first.sync()).ageMs < 300);
      const lostAtMs = performance.now()
      await loseAll()
      assert.deepEqual(await first.read(), { texts: [], rewound: true })
      // Its nodes are lost too: it is as good as new.
      const { ageMs } = await second.sync({ cursor: null })
      assert.ok(ageMs <= performance.now() - lostAtMs + 50, `${ageMs} after the loss`)
      await log().append({ id, text: 'lost, and written again', expiresAt })
      await appendAll(log(), texts(7, 'new'))
      for (const reader of [first, second]) {
        assert.deepEqual(await reader.read(), { texts: ['lost, and written again', ...texts(7, 'new')], rewound: true })
        assert.deepEqual(await reader.read(), { texts: [], rewound: false })
      }
    },
  },
  {
    name: 'X08: after a loss of the last entries, those who had read them are told, and only those',
    async run({ log, loseLast }) {
      if (loseLast === undefined) return
      const [knew, behind] = [readerOf(log()), readerOf(log())]
      await appendAll(log(), ['a', 'b'])
      await Promise.all([knew.read(), behind.read()])
      await loseLast(async () => {
        await appendAll(log(), ['lost', 'lost too'])
        assert.equal((await knew.read()).texts.length, 2)
      })
      assert.deepEqual(await behind.read(), { texts: [], rewound: false })
      assert.deepEqual(await knew.read(), { texts: ['a', 'b'], rewound: true })
    },
  },
  {
    name: 'X08: who had read what was lost is told, also when others stand in its place, or the same in another order',
    async run({ log, loseLast }) {
      if (loseLast === undefined) return
      const expiresAt = inSeconds(3600)
      const entry = (text: string) => ({ id: newId(), text, expiresAt })
      for (const after of [0, 1, 2, 3, 5]) {
        const readers = [readerOf(log()), readerOf(log()), readerOf(log())]
        const [one, two] = [entry('one'), entry('two')]
        await loseLast(async () => {
          await log().append(one)
          await readers[0]?.read()
          await log().append(two)
          await readers[1]?.read()
        })
        // In the place of `one` stands another, and `two` stands where it stood.
        await appendAll(log(), ['another'], expiresAt)
        await log().append(two)
        await appendAll(log(), texts(after, 'later'), expiresAt)
        const all = (await readerOf(log()).read()).texts
        for (const reader of readers) {
          const { texts: found, rewound } = await reader.read()
          assert.deepEqual(found, all, `of ${after} later`)
          assert.equal(rewound, reader !== readers[2])
        }
      }
    },
  },
  {
    name: 'X07: it goes on after a loss of everything: appends, heartbeats, acknowledgements and messages',
    async run({ log, loseAll }) {
      if (loseAll === undefined) return
      const [mine, ear] = [log(), await listenTo(log())]
      const node = readerOf(log())
      await appendAll(mine, ['a'])
      await node.sync()
      await loseAll()
      const id = newId()
      const heard = ear.appended()
      await mine.append({ id, text: 'b', expiresAt: inSeconds(60) })
      await ear.until(() => ear.appended() > heard, 'the wake')
      const { nodes, applied } = await node.sync({ applied: [{ id, closed: 2 }], awaiting: [id] })
      assert.deepEqual([nodes.map((each) => each.node), applied.get(id)?.get(node.node)], [[node.node], 2])
      await mine.publish('c')
      await ear.until(() => ear.messages.includes('c'), 'the message')
      await ear.stop()
    },
  },
  {
    name: 'while the store fails every method rejects, and nothing of an entry or message is in the error',
    async run({ log, fail }) {
      if (fail === undefined) return
      const mine = log()
      await appendAll(mine, ['before'])
      await fail()
      const secret = 'what-nobody-may-see'
      const calls: readonly (() => Promise<unknown>)[] = [
        () => mine.append({ id: secret, text: secret, expiresAt: inSeconds(60) }),
        () => readerOf(mine).sync(),
        () => readerOf(mine).sync({ applied: [{ id: secret, closed: 1 }] }),
        () => mine.leave('node'),
        () => mine.publish(secret),
      ]
      for (const call of calls) {
        const error = await call().then(
          () => assert.fail('resolved while the store fails'),
          (reason: unknown) => reason,
        )
        assert.ok(error instanceof Error && !(error instanceof assert.AssertionError), 'must reject with an Error')
        assert.ok(
          !JSON.stringify([{ ...error }, error.message, error.stack]).includes(secret),
          'the error shows the entry',
        )
      }
    },
  },
]
