/** The secrets of a run are found in whatever form they are written, and a run in which one is found fails. */

import { execFile } from 'node:child_process'
import { createPrivateKey, createSecretKey, randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { drawSecrets, KINDS, searchFor } from './secrets.ts'

const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('planted-leaks.config.ts', import.meta.url))

describe('a drawn secret', () => {
  it('is of its kind, and another in each run', () => {
    const [one, two] = [drawSecrets(), drawSecrets()]
    expect(Object.keys(one)).toEqual([...KINDS])
    expect(new Set([...Object.values(one), ...Object.values(two)]).size).toBe(24)
    expect(createPrivateKey(one['pem-private-key']).asymmetricKeyType).toBe('ed25519')
    expect(createSecretKey(Buffer.from(one['hmac-secret'])).symmetricKeySize).toBe(32)
    expect(one['session-id']).toMatch(/^[A-Za-z0-9]{32}$/)
  })

  it.each(KINDS)('%s is found as it is, in base64 at every place, in base64url and in hexadecimal', (kind) => {
    const secrets = drawSecrets()
    const search = searchFor(secrets)
    const secret = secrets[kind]
    const bytes = Buffer.from(secret)
    const written = [
      secret,
      JSON.stringify({ deep: [secret] }),
      encodeURIComponent(secret),
      bytes.toString('hex'),
      ...['', 'u:', 'me:', 'joe:'].map((before) => Buffer.from(`${before}${secret} and more`).toString('base64')),
      ...['', 'u:', 'me:', 'joe:'].map((before) => Buffer.from(`${before}${secret}`).toString('base64url')),
    ]
    // Of these two it is what they are made of that is searched for; base64 of base64 is not.
    const plain = kind === 'webhook-signing-key' || kind === 'pem-private-key' ? written.slice(0, 2) : written
    for (const text of plain) expect([text, search.in(`a line with ${text} in it`)]).toEqual([text, [kind]])
    expect(searchFor(drawSecrets()).in(plain.join())).toEqual([])
    expect(search.in('x'.repeat(1_000))).toEqual([])
  })
})

it('a run that prints, tells or stores one fails, and says which and where', { timeout: 60_000 }, async () => {
  const { PORTCULLIS_TEST_SECRETS: _, PORTCULLIS_TEST_LEAKS: __, VITEST_JSON: ___, ...inherited } = process.env
  const table = `portcullis_leaks_${randomBytes(6).toString('hex')}`
  const env = { ...inherited, PORTCULLIS_LEAKS_TABLE: table }
  const outcome = await new Promise<{ code: number | null; output: string }>((resolve) => {
    const child = execFile(process.execPath, [vitest, 'run', '--config', config], { env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, output: stdout + stderr })
    })
  })
  const database = new Client({ connectionString: process.env.DATABASE_URL })
  await database.connect()
  await database.query(`drop table ${table}`)
  await database.end()
  expect(outcome.output).toMatch(/Tests .*6 passed/)
  expect(outcome.code).toBe(1)
  const found = outcome.output.split('secrets of this run were found:')[1]?.split('\n').slice(1) ?? []
  const places = found.map((line) => /^(\S+ in [^(]+?)(?: \(.*|$)/.exec(line.trim())?.[1]).filter(Boolean)
  expect(places.sort()).toEqual(
    [
      'api-key in standard output',
      'cookie-secret in standard output',
      'password in standard error',
      'jwt in a warning',
      'jwt in standard error',
      'ticket in an audit event',
      'session-id in Redis: SET portcullis-leaks',
      'hmac-secret in Redis: PUBLISH portcullis-leaks',
      `dsn-password in table public.${table}`,
    ].sort(),
  )
})
