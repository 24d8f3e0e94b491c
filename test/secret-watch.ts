/**
 * Around a whole run: draws its secrets, watches what reaches the tests' Redis, and at the end fails the run when one was found where it may
 * not be, in Redis, in the tables of the tests' database, or by `secret-setup.ts` in what the processes of the tests said.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { drawSecrets, type Kind, type Search, searchFor } from './secrets.ts'

export interface Leak {
  readonly kind: Kind
  readonly place: string
  readonly test?: string
}

/** Where a session's id stands in a store as the name of the session, as express-session and PHP themselves put it there. */
const NAMES_OF_SESSIONS: readonly Kind[] = ['session-id', 'php-session-id']
/** Commands whose first argument is a key; of these all arguments are. */
const KEYS_ONLY = new Set(['del', 'unlink', 'exists', 'mget', 'touch'])
const MAX_REPORTED = 20

/**
 * Null when another project of the same run, or the run that started this one, watches already.
 *
 * @param temporary is told of a folder that has to go, in whatever way the run ends
 */
export async function watchSecrets(temporary: (folder: string) => void): Promise<(() => Promise<void>) | null> {
  if (process.env.PORTCULLIS_TEST_SECRETS !== undefined) return null
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-secrets-'))
  temporary(folder)
  const file = join(folder, 'leaks')
  writeFileSync(file, '')
  const secrets = drawSecrets()
  Object.assign(process.env, { PORTCULLIS_TEST_SECRETS: JSON.stringify(secrets), PORTCULLIS_TEST_LEAKS: file })
  const search = searchFor(secrets)
  const stored: Leak[] = []
  const watch = watchRedis(process.env.REDIS_URL as string, (line) => stored.push(...leaksOf(line, search)))
  await watch.ready
  return async () => {
    watch.stop()
    const said = readFileSync(file, 'utf8').split('\n').filter(Boolean)
    rmSync(folder, { recursive: true, force: true })
    const kept = await searchTables(process.env.DATABASE_URL as string, search)
    for (const name of ['PORTCULLIS_TEST_SECRETS', 'PORTCULLIS_TEST_LEAKS']) delete process.env[name]
    report([...said.map((line) => JSON.parse(line) as Leak), ...stored, ...kept])
  }
}

function report(leaks: readonly Leak[]): void {
  if (leaks.length === 0) return
  const lines = new Set(leaks.map(({ kind, place, test }) => `${kind} in ${place}${test ? ` (${test})` : ''}`))
  // What a teardown throws is printed, and fails nothing by itself.
  process.exitCode = 1
  const more = lines.size > MAX_REPORTED ? [`… and ${lines.size - MAX_REPORTED} more`] : []
  throw new Error(`secrets of this run were found:\n${[...[...lines].slice(0, MAX_REPORTED), ...more].join('\n')}`)
}

/** Every command that anybody sends to this Redis, as `MONITOR` tells it, line by line. */
function watchRedis(url: string, seen: (line: string) => void) {
  const { hostname, port, username, password } = new URL(url)
  let stopped = false
  let socket: Socket
  let rest = ''
  const open = (): Promise<void> =>
    new Promise((resolve) => {
      socket = connect(Number(port || 6379), hostname)
      socket.setEncoding('latin1')
      if (password !== '') socket.write(`AUTH ${username || 'default'} ${decodeURIComponent(password)}\r\n`)
      socket.write('MONITOR\r\n')
      socket.on('data', (text: string) => {
        // From here on it keeps nobody alive.
        socket.unref()
        resolve()
        const end = text.lastIndexOf('\r\n')
        if (end === -1) {
          rest += text
          return
        }
        seen(rest + text.slice(0, end))
        rest = text.slice(end)
      })
      socket.on('error', () => {})
      // A test may have ended every connection.
      socket.on('close', () => {
        resolve()
        if (!stopped) setTimeout(open, 100).unref()
      })
    })
  return {
    ready: open(),
    stop() {
      stopped = true
      socket.destroy()
    },
  }
}

function leaksOf(chunk: string, search: Search): readonly Leak[] {
  if (search.in(chunk).length === 0) return []
  return chunk.split('\r\n').flatMap((line) => {
    const [command = '', ...args] = quoted(line)
    const place = `Redis: ${command} ${args[0] ?? ''}`
    return search.in(line).flatMap((kind) => {
      const mayName = NAMES_OF_SESSIONS.includes(kind) && !/^(?:publish|spublish|eval|evalsha)$/i.test(command)
      const values = mayName ? (KEYS_ONLY.has(command.toLowerCase()) ? [] : args.slice(1)) : args
      return values.some((value) => search.in(value).includes(kind)) ? [{ kind, place }] : []
    })
  })
}

/** What stands between quotes. By hand: some lines have megabytes, on which a pattern that steps over escapes runs out of stack. */
function quoted(line: string): readonly string[] {
  const found: string[] = []
  for (let start = line.indexOf('"'); start !== -1; start = line.indexOf('"', start)) {
    let end = start + 1
    while (end < line.length && line[end] !== '"') end += line[end] === '\\' ? 2 : 1
    found.push(line.slice(start + 1, end))
    start = end + 1
  }
  return found
}

/** What the tests have left in their database. */
async function searchTables(connectionString: string, search: Search): Promise<readonly Leak[]> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    const leaks: Leak[] = []
    for (const { name } of rows as { name: string }[]) {
      // Somebody else may drop it at this moment.
      const { rows: texts } = await client
        .query(`select t::text as text from ${name} t limit 10000`)
        .catch(() => ({ rows: [] }))
      const kinds = search.in((texts as { text: string }[]).map(({ text }) => text).join('\n'))
      leaks.push(...kinds.map((kind) => ({ kind, place: `table ${name}` })))
    }
    return leaks
  } finally {
    await client.end()
  }
}
