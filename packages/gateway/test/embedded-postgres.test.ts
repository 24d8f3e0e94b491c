import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Client } from 'pg'
import { afterEach, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/embedded/embedded-postgres.ts'
import { folderWithCluster, temporaryFolder } from './temporary.ts'

const started: EmbeddedPostgres[] = []
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()))
})

async function start(dataDir: string): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres(dataDir)
  started.push(server)
  return server
}

async function query(server: EmbeddedPostgres, sql: string): Promise<unknown[][]> {
  const client = new Client(server.connection)
  await client.connect()
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows as unknown[][]
  } finally {
    await client.end()
  }
}

describe('the embedded PostgreSQL', { timeout: 60_000 }, () => {
  it('starts on an empty folder, keeps what is written, and leaves nothing running', async () => {
    const folder = await temporaryFolder()
    const first = await start(folder)
    await query(first, 'create table kept as select 7 as n')
    const pid = Number((await readFile(join(first.folder, 'postmaster.pid'), 'utf8')).split('\n')[0])
    await first.stop()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    await expect(stat(first.connection.host)).rejects.toMatchObject({ code: 'ENOENT' })

    const second = await start(folder)
    expect(await query(second, 'select n from kept')).toEqual([[7]])
    expect(second.connection.password).not.toBe(first.connection.password)
  })

  it('lets nobody in without the password, and gives no superuser to anyone', async () => {
    const server = await start(await folderWithCluster())
    const wrong = new Client({ ...server.connection, password: 'guess' })
    await expect(wrong.connect()).rejects.toMatchObject({ code: '28P01' })
    const superuser = new Client({ ...server.connection, user: 'postgres' })
    await expect(superuser.connect()).rejects.toMatchObject({ code: '28000' })
    expect(await query(server, 'select rolsuper, rolcreaterole from pg_roles where rolname = current_user')).toEqual([
      [false, false],
    ])
    expect(
      await query(server, "select count(*)::int from pg_settings where name = 'listen_addresses' and setting = ''"),
    ).toEqual([[1]])
    expect((await stat(server.folder)).mode & 0o777).toBe(0o700)
  })

  it('writes its password nowhere', async () => {
    const folder = await folderWithCluster()
    const server = await start(folder)
    expect(await readFile(join(folder, 'postgres.log'), 'utf8')).not.toContain(server.connection.password)
    const pid = (await readFile(join(server.folder, 'postmaster.pid'), 'utf8')).split('\n')[0]
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(server.connection.password)
  })

  it('refuses a folder that a running gateway uses', async () => {
    const folder = await folderWithCluster()
    const server = await start(folder)
    await expect(startEmbeddedPostgres(folder)).rejects.toThrow(`in use by another gateway (process ${process.pid})`)
    expect(await query(server, 'select 1')).toEqual([[1]])
  })

  it('is not stopped by a lock file whose process id now belongs to someone else', async () => {
    const folder = await folderWithCluster()
    const server = await start(folder)
    await server.stop()
    const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'])
    await once(other, 'spawn')
    await writeFile(join(server.folder, 'postmaster.pid'), `${other.pid}\n${server.folder}\n1\n5432\n/nowhere\n`)
    await start(folder)
    expect(other.exitCode).toBeNull()
    other.kill()
    await once(other, 'exit')
  })

  it('refuses a folder that holds something else, in one line', async () => {
    const folder = await temporaryFolder()
    await mkdir(join(folder, 'postgres'))
    await expect(startEmbeddedPostgres(folder)).rejects.toThrow(/^.* is not a data folder of PostgreSQL; .*$/)
  })

  it.runIf(process.getuid?.() === 0)('goes elsewhere, as root, when its user cannot enter the folder', async () => {
    const outer = await temporaryFolder()
    const folder = join(outer, 'data')
    await mkdir(folder)
    await chmod(outer, 0o700)
    const server = await start(folder)
    expect(server.folder).toMatch(/^\/tmp\/portcullis-gateway-[0-9a-f]{16}\/postgres$/)
    expect(await query(server, 'select 1')).toEqual([[1]])
    await server.stop()
    await rm(dirname(server.folder), { recursive: true })
  })

  it.runIf(process.getuid?.() === 0)('runs, as root, as whoever made the data', async () => {
    const folder = await folderWithCluster()
    await (await start(folder)).stop()
    const [uid, gid] = [65_534, 65_534]
    await promisify(execFile)('chown', ['-R', `${uid}:${gid}`, folder])
    await chmod(folder, 0o700)
    const server = await start(folder)
    expect(server.folder).toBe(join(folder, 'postgres'))
    const pid = (await readFile(join(server.folder, 'postmaster.pid'), 'utf8')).split('\n')[0]
    expect(await readFile(`/proc/${pid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:\\s+${uid}\\s+${uid}\\s`, 'm'))
  })
})
