/** Run by `secrets.test.ts`: tests that pass, and each of which lets a secret of the run out. */

import { channel } from 'node:diagnostics_channel'
import { Client } from 'pg'
import { createClient } from 'redis'
import { afterAll, it } from 'vitest'

const secrets = JSON.parse(process.env.PORTCULLIS_TEST_SECRETS ?? '{}')
const database = new Client({ connectionString: process.env.DATABASE_URL })

// It is looked at after this, at the end of the run; whoever started the run drops it.
const TABLE = process.env.PORTCULLIS_LEAKS_TABLE
afterAll(() => database.end())

it('prints', () => {
  console.log(`the key is ${secrets['api-key']}`)
  process.stdout.write(`in base64: ${Buffer.from(`x${secrets['cookie-secret']}`).toString('base64')}\n`)
})

it('prints an error', () => {
  console.error(new Error(`wrong password ${secrets.password}`))
})

it('warns', async () => {
  const warned = new Promise((resolve) => process.once('warning', resolve))
  process.emitWarning(
    `a token: ${Buffer.from(`{"alg":"HS256","planted":"${secrets.jwt}"}`).toString('base64url')}.e30.AA`,
  )
  await warned
})

it('tells an operator', () => {
  channel('portcullis-test:told').publish({ place: 'an audit event', value: { reason: secrets.ticket } })
})

it('stores one in Redis', async () => {
  const redis = createClient({ url: process.env.REDIS_URL ?? '' })
  await redis.connect()
  // As the name of a session it may stand there, and not in what is kept.
  await redis.set(`portcullis-leaks:${secrets['session-id']}`, 'a session', { EX: 5 })
  await redis.set('portcullis-leaks', `session ${secrets['session-id']}`, { EX: 5 })
  await redis.publish('portcullis-leaks', Buffer.from(secrets['hmac-secret']).toString('hex'))
  await redis.close()
})

it('stores one in a table', async () => {
  await database.connect()
  await database.query(`create table ${TABLE} (value text)`)
  await database.query(`insert into ${TABLE} values ($1)`, [`postgres://app:${secrets['dsn-password']}@db/app`])
})
