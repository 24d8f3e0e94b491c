/** The modules of docs/memberships.md, run as they stand there, against a real Postgres. */

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SignJWT } from 'jose'
import { Pool } from 'pg'
import type { Auth } from 'portcullis'
import type { Server } from 'socket.io'
import { io as connectClient } from 'socket.io-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { next, onCleanup, outcome } from '../harness.ts'

const page = readFileSync(fileURLToPath(new URL('../../../../docs/memberships.md', import.meta.url)), 'utf8')
const folder = mkdtempSync(fileURLToPath(new URL('./.modules-', import.meta.url)))
const schema = `docs_members_${randomBytes(6).toString('hex')}`
const secret = randomBytes(32)
const url = new URL(process.env.DATABASE_URL ?? '')
url.searchParams.set('options', `-csearch_path=${schema}`)
const pool = new Pool({ connectionString: url.href })

beforeAll(async () => {
  await pool.query(`create schema ${schema}`)
  Object.assign(process.env, { DATABASE_URL: url.href, JWT_SECRET: secret.toString('base64') })
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await pool.query(`drop schema ${schema} cascade`)
  await pool.end()
})

/** The module under this heading. */
async function load<Exports>(title: string): Promise<Exports & { io: Server; auth: Auth }> {
  const section = page.split(/^## /m).find((each) => each.startsWith(`${title}\n`)) ?? ''
  const text = /```ts\n([\s\S]*?)```/.exec(section)?.[1] ?? ''
  expect(text.trim().split('\n').length).toBeLessThanOrEqual(26)
  const path = join(folder, `${title.replaceAll(/\W+/g, '-')}.ts`)
  writeFileSync(path, text)
  const loaded = (await import(/* @vite-ignore */ path)) as Exports & { io: Server; auth: Auth }
  onCleanup(async () => {
    await loaded.auth.close()
    await loaded.io.close()
  })
  return loaded
}

async function enter(io: Server, subject: string) {
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setIssuer('https://id.example')
    .setAudience('chat')
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(secret)
  const { port } = (io as unknown as { httpServer: { address(): AddressInfo } }).httpServer.address()
  const socket = connectClient(`http://127.0.0.1:${port}/chat`, { auth: { token }, transports: ['websocket'] })
  onCleanup(() => void socket.disconnect())
  expect(await outcome(socket)).toBeNull()
  return socket
}

describe('docs/memberships.md', () => {
  it('A table in PostgreSQL', async () => {
    await pool.query('create table members (user_id text, org_id text)')
    await pool.query("insert into members values ('42', '1')")
    type Exports = { migration: string; stop: () => Promise<() => Promise<void>> }
    const { io, migration, stop } = await load<Exports>('A table in PostgreSQL')
    await pool.query(migration)
    onCleanup(await stop())
    const socket = await enter(io, '42')
    expect((await socket.emitWithAck('auth:whoami')).rooms).toEqual(['org:1'])
    const left = next(socket, 'auth:left')
    await pool.query('delete from members')
    expect((await left)[0]).toMatchObject({ room: 'org:1', code: 'AUTH_FORBIDDEN' })
  })

  it('From anything else', async () => {
    type Exports = { orgsOf: Map<string, Set<string>>; removeFrom(org: string, subject: string): Promise<boolean> }
    const { io, orgsOf, removeFrom } = await load<Exports>('From anything else')
    orgsOf.set('42', new Set(['1', '2']))
    const socket = await enter(io, '42')
    const left = next(socket, 'auth:left')
    expect(await removeFrom('1', '42')).toBe(true)
    expect((await left)[0]).toMatchObject({ room: 'org:1' })
    expect((await socket.emitWithAck('auth:whoami')).rooms).toEqual(['org:2'])
  })
})
