import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { watch } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { io } from 'socket.io-client'
import { afterAll, describe, expect, it } from 'vitest'
import { newDatabase } from './running.ts'
import { connected } from './socket-client.ts'
import { folderWithCluster, temporaryFolder } from './temporary.ts'

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url))

interface Started {
  readonly child: ChildProcess
  readonly url: string
  readonly dataDir: string
  output(): { readonly out: string; readonly err: string }
  /** The exit code, or the signal. */
  readonly exit: Promise<number | string>
}

const children = new Set<ChildProcess>()
const servers = new Set<Server>()
// Not after each test: they run side by side, since most of their time is a PostgreSQL that starts or a deadline that passes.
afterAll(async () => {
  for (const child of children) child.kill('SIGTERM')
  await Promise.all([...children].map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')))
  children.clear()
  for (const server of servers) server.close()
  servers.clear()
})

/** `dist/bin.js` as its users start it, with nothing else in its environment. */
function launch(env: Record<string, string>): Omit<Started, 'url' | 'dataDir'> {
  const child = spawn(process.execPath, [BIN, 'demo'], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.add(child)
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const exit = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  return { child, output: () => ({ out, err }), exit }
}

async function start(env: Record<string, string> = {}): Promise<Started> {
  const dataDir = env.DATA_DIR ?? (await folderWithCluster())
  const launched = launch({ PORT: '0', DATA_DIR: dataDir, ...env })
  const ready = new Promise<string>((resolve, reject) => {
    const look = () => {
      const url = /^Portcullis gateway {2}(http\S+)$/m.exec(launched.output().out)?.[1]
      if (url !== undefined) resolve(url)
    }
    launched.child.stdout?.on('data', look)
    launched.exit.then((code) => reject(new Error(`it ended with ${code}: ${launched.output().err}`)), reject)
  })
  return { ...launched, dataDir, url: await ready }
}

/** Without a PostgreSQL of its own, where a test is not about that. */
const startOnDatabase = async (env: Record<string, string> = {}) =>
  start({ DATABASE_URL: (await newDatabase()) ?? '', ...env })

/** The one line of a start that fails. */
async function failure(env: Record<string, string>): Promise<string> {
  const { exit, output } = launch({ PORT: '0', DATA_DIR: await temporaryFolder(), ...env })
  expect(await exit).toBe(1)
  const { out, err } = output()
  expect(out).toBe('')
  expect(err).toMatch(/^portcullis-gateway: [^\n]+\n$/)
  expect(err).not.toMatch(/hunter2|\n\s+at /)
  return err
}

/** A port that accepts connections and says nothing, or one that nothing listens on. */
async function port(kind: 'silent' | 'closed'): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  if (kind === 'silent') servers.add(server)
  else server.close()
  return port
}

describe.concurrent('a start that fails says what to do in one line, and exits with 1', { timeout: 60_000 }, () => {
  it('when the port is in use', async () => {
    const taken = await port('silent')
    expect(await failure({ PORT: String(taken) })).toContain(
      `PORT ${taken} of 127.0.0.1 is in use; stop what listens there, or set another PORT`,
    )
  })

  it('when the port or the host is none', async () => {
    const [port, host] = await Promise.all([failure({ PORT: 'http' }), failure({ HOST: '192.0.2.1' })])
    expect(port).toContain('PORT must be a whole number from 0 to 65535')
    expect(host).toMatch(/HOST 192\.0\.2\.1 is no address of this machine \(EADDRNOTAVAIL\)/)
  })

  it('when the data folder cannot be written', async () => {
    const file = join(await temporaryFolder(), 'a-file')
    await writeFile(file, '')
    expect(await failure({ DATA_DIR: file })).toMatch(
      /DATA_DIR: cannot write to .*a-file \(EEXIST\); set DATA_DIR to a folder/,
    )
    expect(await failure({ DATA_DIR: join(file, 'below') })).toMatch(/\(ENOTDIR\)/)
    expect(await failure({ DATA_DIR: '/proc/none' })).toMatch(/DATA_DIR: cannot write to \/proc\/none \(ENOENT\)/)
  })

  it('when the secrets are damaged', async () => {
    const dataDir = await temporaryFolder()
    await writeFile(join(dataDir, 'secrets.json'), '{')
    expect(await failure({ DATA_DIR: dataDir })).toMatch(/secrets\.json is damaged; restore it, or delete it/)
  })

  it('when DATABASE_URL or REDIS_URL names a port that is closed, or silent', async () => {
    const ports = await Promise.all([port('closed'), port('silent')])
    // Side by side: each waits for a deadline.
    const errors = await Promise.all(
      ports.flatMap((each) => [
        failure({ DATABASE_URL: `postgres://someone:hunter2@127.0.0.1:${each}/news` }),
        failure({ REDIS_URL: `redis://:hunter2@127.0.0.1:${each}` }),
      ]),
    )
    for (const error of [errors[0], errors[2]]) {
      expect(error).toMatch(
        /DATABASE_URL: 127\.0\.0\.1:\d+\/news cannot be reached \(\w+\); start that PostgreSQL, or unset DATABASE_URL/,
      )
    }
    for (const error of [errors[1], errors[3]]) {
      expect(error).toMatch(/REDIS_URL: 127\.0\.0\.1:\d+ cannot be used \(\w+\); start that Redis/)
    }
  })

  it('when another gateway uses the data folder', async () => {
    const { dataDir, child } = await start()
    expect(await failure({ DATA_DIR: dataDir })).toContain(
      `DATA_DIR is in use by another gateway (process ${child.pid})`,
    )
  })
})

describe.concurrent('the gateway as a process', { timeout: 60_000 }, () => {
  it('prints where it is and who can log in, and no secret', async () => {
    const { output, dataDir, url } = await start({ DATA_DIR: await temporaryFolder() })
    const { out, err } = output()
    expect(err).toBe('')
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/)[0]),
    ).toEqual(['Portcullis', 'inspector', 'control', 'data', 'secrets', 'sessions', 'alice', 'bob', 'carol'])
    const { session, token, demo } = JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')) as Record<
      string,
      unknown
    >
    expect(out).not.toContain(session)
    expect(out).not.toContain(token)
    for (const [name, password] of Object.entries(demo as object)) {
      expect(out).toContain(password)
      const login = await fetch(`${url}/login`, {
        method: 'POST',
        body: new URLSearchParams({ username: name, password }),
        redirect: 'manual',
      })
      expect(login.status).toBe(303)
    }
    const page = await fetch(url)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect((await fetch(`${url}/main.js`)).status).toBe(200)
    expect((await stat(join(dataDir, 'secrets.json'))).mode & 0o777).toBe(0o600)
  })

  it('prints no password outside of demo mode, and makes no user', async () => {
    const { output, dataDir } = await startOnDatabase({ DEMO: '0' })
    const { demo } = JSON.parse(await readFile(join(dataDir, 'secrets.json'), 'utf8')) as { demo: object }
    for (const password of Object.values(demo)) expect(output().out).not.toContain(password)
    expect(output().out).not.toMatch(/alice|carol/)
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'ends with 0 at %s, closes its sockets, and leaves nothing running',
    async (signal) => {
      const { child, exit, dataDir, output, url } = await start()
      const postgres = Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])
      const password = /alice\s+(\S+)/.exec(output().out)?.[1]
      const answer = await fetch(`${url}/token`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ username: 'alice', password }),
      })
      const { token } = (await answer.json()) as { token: string }
      // Not of the kit, which closes its clients after each test: others run beside this one.
      const socket = await connected(
        io(`${url}/news`, { transports: ['websocket'], reconnection: false, auth: { token } }),
      )
      const gone = new Promise((resolve) => socket.once('disconnect', resolve))
      child.kill(signal)
      expect(await exit).toBe(0)
      await gone
      expect(() => process.kill(postgres, 0)).toThrow('ESRCH')
      expect(output().err).toBe('')
    },
  )

  it('can be ended while it is still starting', async () => {
    const dataDir = await temporaryFolder()
    const { child, exit, output } = launch({ PORT: '0', DATA_DIR: dataDir })
    // The secrets are written before PostgreSQL starts.
    const watcher = watch(dataDir)
    await once(watcher, 'change')
    watcher.close()
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(output()).toEqual({ out: '', err: '' })
    await start({ DATA_DIR: dataDir })
  })

  it('starts again after kill -9, with the data and passwords it had, on the PostgreSQL that was left behind', async () => {
    const first = await start()
    const password = /alice\s+(\S+)/.exec(first.output().out)?.[1] ?? ''
    const lock = join(first.dataDir, 'postgres', 'postmaster.pid')
    const postgres = Number((await readFile(lock, 'utf8')).split('\n')[0])
    first.child.kill('SIGKILL')
    expect(await first.exit).toBe('SIGKILL')
    expect(await readFile(`/proc/${postgres}/cmdline`, 'utf8')).toContain('postgres')

    const second = await start({ DATA_DIR: first.dataDir })
    expect(second.output().out).toContain(password)
    await expect(
      readFile(`/proc/${postgres}/cmdline`, 'utf8').then((text) => text || Promise.reject(new Error('a zombie'))),
    ).rejects.toThrow()
    expect((await fetch(`${second.url}/healthz`)).status).toBe(200)
  })

  it('says that its PostgreSQL has ended, and exits with 1', async () => {
    const { exit, output, dataDir } = await start()
    const postgres = Number((await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])
    process.kill(postgres, 'SIGQUIT')
    expect(await exit).toBe(1)
    expect(output().err).toContain('portcullis-gateway: the embedded PostgreSQL has ended by itself')
  })
})
