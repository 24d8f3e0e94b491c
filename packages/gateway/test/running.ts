/** A gateway that runs within the test, on a database of its own, and what a client does with it. */

import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { type Gateway, startGateway } from '../src/demo/gateway.ts'
import { loadSecrets } from '../src/demo/secrets.ts'
import { readSettings } from '../src/demo/settings.ts'
import { afterFile } from './cleanups.ts'
import { made, told } from './planted.ts'
import { temporaryFolder } from './temporary.ts'

export interface Running {
  readonly url: string
  readonly gateway: Gateway
  readonly dataDir: string
  readonly passwords: Readonly<Record<'alice' | 'bob' | 'carol', string>>
  readonly databaseUrl: string | null
  /** What no client was told. */
  readonly errors: readonly { readonly error: unknown; readonly where: string }[]
  /** A route's answer to a POST with a JSON body. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>
  /** The cookie of a new login, as the client sends it. */
  login(name: 'alice' | 'bob' | 'carol'): Promise<string>
  token(name: 'alice' | 'bob' | 'carol'): Promise<string>
}

/**
 * On empty tables of the server that `DATABASE_URL` names; without that, on the embedded one. Ends with the file.
 * `page` is relative to this folder.
 */
export async function runGateway(env: Record<string, string> = {}, page = '../src/page/'): Promise<Running> {
  const dataDir = await temporaryFolder()
  const databaseUrl = await newDatabase()
  const settings = readSettings(
    { PORT: '0', DATA_DIR: dataDir, DEMO: '1', DATABASE_URL: databaseUrl ?? '', ...env },
    dataDir,
  )
  const errors: { error: unknown; where: string }[] = []
  const gateway = await startGateway(settings, {
    pageFolder: fileURLToPath(new URL(page, import.meta.url)),
    onError: (error, where) => {
      told('what onError heard', [where, error])
      errors.push({ error, where })
    },
  })
  afterFile(() => gateway.close())
  const url = `http://127.0.0.1:${gateway.port}`
  const { secrets } = await loadSecrets(dataDir)
  for (const password of Object.values(secrets.demo)) made('password', password)
  const post: Running['post'] = (path, body, headers = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  return {
    url,
    gateway,
    dataDir,
    passwords: secrets.demo,
    databaseUrl,
    errors,
    post,
    async login(name) {
      const response = await post('/login', { username: name, password: secrets.demo[name] })
      if (response.status !== 200) throw new Error(`login answered ${response.status}`)
      return cookieOf(response)
    },
    async token(name) {
      const response = await post('/token', { username: name, password: secrets.demo[name] })
      return ((await response.json()) as { token: string }).token
    },
  }
}

export function cookieOf(response: Response): string {
  return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
}

/** A schema of its own for each file, since files run side by side; null without `DATABASE_URL`. */
export async function newDatabase(): Promise<string | null> {
  const server = process.env.DATABASE_URL
  if (server === undefined || server === '') return null
  const schema = `gateway_test_${randomBytes(6).toString('hex')}`
  await runSql(server, `create schema ${schema}`)
  afterFile(() => runSql(server, `drop schema if exists ${schema} cascade`))
  return `${server}${server.includes('?') ? '&' : '?'}options=-csearch_path%3D${schema}`
}

async function runSql(connectionString: string, sql: string): Promise<void> {
  const client = new Client({ connectionString })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
