/** Run by `services.test.ts` under servers that were started for it. */

import { Client } from 'pg'
import { createClient } from 'redis'
import { expect, it } from 'vitest'

it('speaks to servers of its own', async () => {
  const redisUrl = process.env.REDIS_URL ?? ''
  const redis = createClient({ url: redisUrl })
  await redis.connect()
  expect(await redis.ping()).toBe('PONG')
  await redis.close()
  const connectionString = process.env.DATABASE_URL ?? ''
  const postgres = new Client({ connectionString })
  await postgres.connect()
  expect((await postgres.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await postgres.end()
  console.log(`own redis on ${new URL(redisUrl).port}`)
  console.log(`own postgres in ${decodeURIComponent(/host=([^&]+)/.exec(connectionString)?.[1] ?? '')}`)
  // For the test that kills this run: it waits here until that happens.
  if (process.env.PORTCULLIS_TEST_HANG) await new Promise((resolve) => setTimeout(resolve, 30_000))
}, 40_000)
