/** Entries of a revocation log: none missed, none twice, in one order, and each as it was given or not at all. */

import assert from 'node:assert/strict'
import type { RevocationLog } from 'portcullis'
import { appendAll, inSeconds, type LogCase, newId, readerOf } from './revocation-log-assertions.ts'

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `entry ${i}`)

/** In any order, and a hundred at once. */
async function appendMany(log: RevocationLog, texts: readonly string[]): Promise<void> {
  for (let from = 0; from < texts.length; from += 100) {
    await Promise.all(texts.slice(from, from + 100).map((text) => appendAll(log, [text])))
  }
}

/** Each is a text that somebody's encoding, quoting or separator might spoil. */
export const HOSTILE_TEXTS: readonly string[] = Object.freeze([
  ' ',
  `'; drop table x; -- "\\" $1 %s \${x} {{y}}`,
  'line\r\nline\ttab\u0001\u001f\u007f\u2028',
  'ä ﷽ \u202eright to left\u202c 𝟘 👩‍👩‍👧‍👦 e\u0301',
  '{"v":1,"id":"x","__proto__":{"a":1}}',
  '\ufeff\ufffd\uffff',
  'x'.repeat(4_000),
  '€'.repeat(4_000),
  '👍'.repeat(2_000),
  `"\\`.repeat(2_000),
])

/** Each cannot be kept by every store. */
const IMPOSSIBLE_TEXTS: readonly string[] = ['a\0b', 'half \ud83d', '\udc4d half']

export const entryCases: readonly LogCase[] = [
  {
    name: 'has nothing to read at first, and does not say that anything was lost',
    async run({ log }) {
      const { entries, more, rewound } = await readerOf(log()).sync()
      assert.deepEqual([entries, more, rewound], [[], false, false])
    },
  },
  {
    name: 'an entry is read by whoever asks after it was appended, in every process and only once',
    async run({ log }) {
      const readers = [readerOf(log()), readerOf(log()), readerOf(log())]
      for (const text of numbered(5)) {
        await appendAll(log(), [text])
        const read = await Promise.all(readers.map((reader) => reader.read()))
        for (const found of read) assert.deepEqual(found, { texts: [text], rewound: false })
      }
      assert.deepEqual(await readerOf(log()).read(), { texts: numbered(5), rewound: false })
    },
  },
  {
    name: 'an entry appended while others read is read by the next who asks',
    async run({ log }) {
      const [mine, reader] = [log(), readerOf(log())]
      const seen = new Set<string | null>()
      for (const text of numbered(30)) {
        const reading = reader.read()
        await appendAll(mine, [text])
        for (const each of (await reading).texts) seen.add(each)
        for (const each of (await reader.read()).texts) seen.add(each)
        assert.ok(seen.has(text), `${text} was missed`)
      }
    },
  },
  {
    name: 'of many processes that append at once, a reader misses nothing, and all read in one order',
    async run({ log }) {
      const groups = Array.from({ length: 6 }, (_, i) => numbered(30).map((text) => `${i} ${text}`))
      let busy = true
      const reader = readerOf(log())
      const seen: (string | null)[] = []
      const reading = (async () => {
        while (busy) seen.push(...(await reader.read()).texts)
      })()
      await Promise.all(groups.map((texts) => appendAll(log(), texts))).finally(() => {
        busy = false
      })
      await reading
      seen.push(...(await reader.read()).texts)
      assert.deepEqual([...seen].sort(), groups.flat().sort())
      assert.deepEqual(seen, (await readerOf(log()).read()).texts)
      for (const [i, texts] of groups.entries()) {
        assert.deepEqual(
          seen.filter((text) => text?.startsWith(`${i} `)),
          texts,
        )
      }
    },
  },
  {
    name: 'an entry whose id stands in the log is not appended again, at once or later, by anybody',
    async run({ log }) {
      const [id, expiresAt] = [newId(), inSeconds(3600)]
      await Promise.all([log(), log(), log()].map((each) => each.append({ id, text: 'one', expiresAt })))
      await log().append({ id, text: 'another', expiresAt })
      await appendAll(log(), ['last'])
      await log().append({ id, text: 'one', expiresAt })
      assert.deepEqual((await readerOf(log()).read()).texts, ['one', 'last'])
    },
  },
  {
    name: 'gives 2,100 entries in three answers, and says with each but the last that there is more',
    async run({ log }) {
      const [mine, texts] = [log(), numbered(2_100)]
      await appendMany(mine, texts)
      const reader = readerOf(log())
      const answers = [await reader.sync(), await reader.sync(), await reader.sync(), await reader.sync()]
      assert.deepEqual(
        answers.map(({ entries, more, rewound }) => [entries.length, more, rewound]),
        [
          [1_000, true, false],
          [1_000, true, false],
          [100, false, false],
          [0, false, false],
        ],
      )
      const read = answers.flatMap(({ entries }) => entries.map(({ text }) => text))
      assert.deepEqual(read.sort(), texts.sort())
    },
  },
  {
    name: 'exactly 1,000 entries are one answer, and there is no more',
    async run({ log }) {
      const mine = log()
      await appendMany(mine, numbered(1_000))
      const { entries, more } = await readerOf(log()).sync()
      assert.deepEqual([entries.length, more], [1_000, false])
    },
  },
  {
    name: 'gives every text back as it was, whatever stands in it',
    async run({ log }) {
      await appendAll(log(), HOSTILE_TEXTS)
      assert.deepEqual((await readerOf(log()).read()).texts, HOSTILE_TEXTS)
    },
  },
  {
    name: 'a text or id that it cannot give back as it was, it refuses',
    async run({ log }) {
      for (const text of IMPOSSIBLE_TEXTS) {
        const kept = await appendAll(log(), [text]).then(
          () => true,
          () => false,
        )
        const { texts } = await readerOf(log()).read()
        assert.equal(texts.includes(text), kept)
        assert.equal(texts.length, texts.filter((each) => IMPOSSIBLE_TEXTS.includes(String(each))).length)
      }
    },
  },
  {
    name: 'one reader at many places at once is given what follows each',
    async run({ log }) {
      await appendAll(log(), numbered(4))
      const reader = readerOf(log())
      const { entries } = await reader.sync()
      const after = await Promise.all(entries.map(({ cursor }) => reader.sync({ cursor })))
      assert.deepEqual(
        after.map((state) => [state.rewound, state.entries.map(({ text }) => text)]),
        entries.map((_, i) => [false, numbered(4).slice(i + 1)]),
      )
    },
  },
  {
    name: 'what was forged, or sealed with another secret, is read as null, and what stands after it is read',
    async run({ log, forgeEntry }) {
      if (!log().shared) return
      const other = 'another secret, of more than thirty-two bytes, for the tests'
      await appendAll(log(), ['first'])
      await appendAll(log(other), ['of another secret'])
      if (forgeEntry !== undefined) {
        await forgeEntry(newId(), '{"v":1}')
        await forgeEntry(newId(), '')
        await forgeEntry(newId(), `${'A'.repeat(43)}{"v":1}`)
      }
      await appendAll(log(), ['last'])
      const { texts, rewound } = await readerOf(log()).read()
      assert.deepEqual(texts, ['first', null, ...(forgeEntry ? [null, null, null] : []), 'last'])
      assert.equal(rewound, false)
      const nulls = (await readerOf(log(other)).read()).texts
      assert.deepEqual(
        nulls.filter((text) => text !== null),
        ['of another secret'],
      )
    },
  },
  {
    name: 'secrets are changed one node after the other, and no entry is refused meanwhile',
    async run({ log }) {
      if (!log().shared) return
      const [old, young] = [
        'the old secret, of more than thirty-two bytes',
        'the new secret, of more than thirty-two bytes',
      ]
      const steps = [old, [old, young], [young, old], young]
      for (const [i, secret] of steps.entries()) await appendAll(log(secret), [`step ${i}`])
      const read = async (secret: string | readonly string[]) => (await readerOf(log(secret)).read()).texts
      assert.deepEqual(await read([old, young]), ['step 0', 'step 1', 'step 2', 'step 3'])
      assert.deepEqual(await read([young, old]), ['step 0', 'step 1', 'step 2', 'step 3'])
      assert.deepEqual(await read(old), ['step 0', 'step 1', null, null])
      assert.deepEqual(await read(young), [null, null, 'step 2', 'step 3'])
    },
  },
]
