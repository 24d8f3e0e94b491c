import { memory } from 'portcullis/revocations/memory'
import { expect, test } from 'vitest'
import { appendAll, inSeconds, newId, readerOf } from '../../src/testing/revocation-log-assertions.ts'

test('R18: what has ended is dropped as others come, what lasts is kept, and no reader is disturbed', async () => {
  const log = memory()
  const [reader, lasting, ended] = [readerOf(log), newId(), newId()]
  await log.append({ id: lasting, text: 'lasts', expiresAt: inSeconds(3600) })
  await log.append({ id: ended, text: 'ended', expiresAt: inSeconds(-61) })
  await reader.sync({ applied: [lasting, ended].map((id) => ({ id, closed: 1 })) })
  await appendAll(
    log,
    Array.from({ length: 2_998 }, () => 'ended'),
    inSeconds(-61),
  )
  expect((await reader.read()).rewound).toBe(false)
  await appendAll(log, ['ends now'], inSeconds(-1))
  const kept = await readerOf(log).read()
  expect(kept.rewound).toBe(false)
  expect(kept.texts[0]).toBe('lasts')
  expect(kept.texts.length).toBeLessThan(1_002)
  const { applied } = await reader.sync({ awaiting: [lasting, ended] })
  expect([applied.get(lasting)?.size, applied.get(ended)?.size]).toEqual([1, 0])
  await log.append({ id: ended, text: 'again', expiresAt: inSeconds(60) })
  await log.append({ id: lasting, text: 'again', expiresAt: inSeconds(60) })
  expect((await reader.read()).texts).toEqual(['again'])
})

test('100,000 entries are appended and read in less than five seconds', async () => {
  const log = memory()
  const startedMs = performance.now()
  await appendAll(
    log,
    Array.from({ length: 100_000 }, () => 'x'),
  )
  const reader = readerOf(log)
  let count = 0
  for (let more = true; more; ) {
    const state = await reader.sync()
    count += state.entries.length
    more = state.more
  }
  expect(count).toBe(100_000)
  expect(performance.now() - startedMs).toBeLessThan(5_000)
})
