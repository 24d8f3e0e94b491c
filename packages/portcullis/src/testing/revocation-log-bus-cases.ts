/** The bus of a revocation log: wakes and messages, heard by every listener, and believed only under the seal. */

import assert from 'node:assert/strict'
import { appendAll, appliedOne, type LogCase, listenTo, newId, readerOf } from './revocation-log-assertions.ts'
import { HOSTILE_TEXTS } from './revocation-log-entry-cases.ts'

export const busCases: readonly LogCase[] = [
  {
    name: 'every listener is woken by an entry, the appender included, and finds it when it looks',
    async run({ log }) {
      const mine = log()
      const ears = [await listenTo(mine), await listenTo(mine), await listenTo(log())]
      const reader = readerOf(log())
      for (const text of ['a', 'b']) {
        const heard = ears.map((ear) => ear.appended())
        await appendAll(mine, [text])
        for (const [i, ear] of ears.entries())
          await ear.until(() => ear.appended() > (heard[i] ?? 0), `${text}, by ${i}`)
        assert.deepEqual((await reader.read()).texts, [text])
      }
      for (const { stop } of ears) await stop()
    },
  },
  {
    name: 'every listener hears which entries were applied, and finds it when it looks',
    async run({ log }) {
      const ears = [await listenTo(log()), await listenTo(log())]
      const [node, ids] = [readerOf(log()), Array.from({ length: 700 }, () => newId() + '€'.repeat(150))]
      await node.sync({ applied: ids.map((id) => ({ id, closed: 1 })) })
      for (const ear of ears) {
        await ear.until(() => ear.applied.length >= ids.length, 'all that was applied')
        assert.deepEqual([...ear.applied].sort(), [...ids].sort())
        assert.equal(ear.appended(), 0)
      }
      const [id = ''] = ids
      assert.deepEqual((await node.sync({ awaiting: [id] })).applied.get(id), new Map([[node.node, 1]]))
      for (const { stop } of ears) await stop()
    },
  },
  {
    name: 'a message is heard by every listener as it was, whatever stands in it, in the order of the publisher',
    async run({ log }) {
      const mine = log()
      const ears = [await listenTo(mine), await listenTo(log())]
      for (const text of HOSTILE_TEXTS) await mine.publish(text)
      for (const ear of ears) {
        await ear.until(() => ear.messages.length >= HOSTILE_TEXTS.length, 'all messages')
        assert.deepEqual(ear.messages, HOSTILE_TEXTS)
      }
      for (const { stop } of ears) await stop()
    },
  },
  {
    name: 'the same message twice is heard twice',
    async run({ log }) {
      const ear = await listenTo(log())
      const mine = log()
      await Promise.all([mine.publish('again'), mine.publish('again')])
      await ear.until(() => ear.messages.length === 2, 'both')
      assert.deepEqual(ear.messages, ['again', 'again'])
      await ear.stop()
    },
  },
  {
    name: 'long messages of several processes at once arrive whole',
    async run({ log }) {
      const ear = await listenTo(log())
      const texts = ['a', 'b', 'c', 'd'].map((letter) => letter + '€'.repeat(3_900) + letter)
      const publish = async (text: string) => {
        const mine = log()
        for (let i = 0; i < 5; i += 1) await mine.publish(text)
      }
      await Promise.all(texts.map(publish))
      await ear.until(() => ear.messages.length === 20, 'all messages')
      for (const text of texts) assert.equal(ear.messages.filter((each) => each === text).length, 5)
      await ear.stop()
    },
  },
  {
    name: 'who has stopped listening hears nothing more, and the others do',
    async run({ log }) {
      const mine = log()
      const [leaving, ear] = [await listenTo(mine), await listenTo(mine)]
      await leaving.stop()
      await leaving.stop()
      await mine.publish('x')
      await appendAll(mine, ['y'])
      await ear.until(() => ear.messages.length === 1 && ear.appended() === 1, 'both')
      assert.deepEqual([leaving.messages, leaving.appended()], [[], 0])
      await ear.stop()
      const back = await listenTo(mine)
      await mine.publish('z')
      await back.until(() => back.messages.length === 1, 'after all had left')
      assert.deepEqual([ear.messages, back.messages], [['x'], ['z']])
      await back.stop()
    },
  },
  {
    name: 'who listens while the last is leaving hears what comes',
    async run({ log }) {
      const mine = log()
      for (let i = 0; i < 3; i += 1) {
        const leaving = await listenTo(mine)
        const [ear] = await Promise.all([listenTo(mine), leaving.stop()])
        const stopping = ear.stop()
        const [next] = await Promise.all([listenTo(mine), stopping])
        await mine.publish('x')
        await next.until(() => next.messages.length === 1, 'the message')
        await next.stop()
      }
    },
  },
  {
    name: 'a listener that was given twice is two',
    async run({ log }) {
      const mine = log()
      const heard: (string | null)[] = []
      const listener = { appended() {}, applied() {}, message: (text: string | null) => void heard.push(text) }
      const [stop, ear] = [await mine.listen(listener), await listenTo(mine)]
      const other = await mine.listen(listener)
      await stop()
      await mine.publish('x')
      await ear.until(() => ear.messages.length === 1, 'the message')
      await other()
      await ear.stop()
      assert.deepEqual(heard, ['x'])
    },
  },
  {
    name: 'what was forged on the bus, or sealed with another secret, is heard as null',
    async run({ log, forgeMessage }) {
      if (!log().shared) return
      const ear = await listenTo(log())
      const forged =
        forgeMessage === undefined
          ? []
          : ['{}', '', `message ${'A'.repeat(59)}{}`, 'applied {"a":1}', 'applied [1]', '?']
      for (const text of forged) await forgeMessage?.(text)
      await log('another secret, of more than thirty-two bytes, for the tests').publish('of another secret')
      await log().publish('last')
      await ear.until(() => ear.messages.includes('last'), 'the last message')
      assert.deepEqual(ear.messages, [...forged.map(() => null), null, 'last'])
      assert.deepEqual([ear.applied, ear.appended()], [[], 0])
      await ear.stop()
    },
  },
  {
    name: 'secrets are changed one node after the other, and no message is refused meanwhile',
    async run({ log }) {
      if (!log().shared) return
      const [old, young] = [
        'the old secret, of more than thirty-two bytes',
        'the new secret, of more than thirty-two bytes',
      ]
      const ear = await listenTo(log([old, young]))
      for (const secret of [old, [young, old], young]) await log(secret).publish('x')
      await ear.until(() => ear.messages.length === 3, 'all three')
      assert.deepEqual(ear.messages, ['x', 'x', 'x'])
      await ear.stop()
    },
  },
  {
    name: 'nobody has to listen: what was appended and applied meanwhile is read',
    async run({ log }) {
      const [node, reader] = [readerOf(log()), readerOf(log())]
      const id = newId()
      await appendAll(log(), ['a'])
      await log().publish('nobody hears it')
      await node.sync({ applied: appliedOne(id, 1) })
      const { entries, applied } = await reader.sync({ awaiting: [id] })
      assert.deepEqual([entries.map(({ text }) => text), applied.get(id)?.size], [['a'], 1])
    },
  },
]
