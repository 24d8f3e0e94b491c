/** A Redis of a test's own, which it may kill, freeze and start again with its data on the same port. */

import { connect } from 'node:net'
import { freePort } from '../free-port.mjs'
import { onCleanup } from '../harness.ts'
import { ownedProcess } from './owned-process.ts'

export interface OwnedRedis {
  readonly port: number
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>
  /** Starts it again where it was; resolves with the time at which it first answered. */
  restart(): Promise<number>
  /** SIGSTOP: the kernel still accepts connections and bytes, and nobody answers. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
}

/** Ended after the test, frozen or not. */
export async function ownRedis(): Promise<OwnedRedis> {
  const server = await ownedProcess('redis', 'the fault tests need a redis-server in PATH: install redis-server')
  onCleanup(() => server.finish())
  const port = await freePort()
  // Append-only, so that the data outlive SIGKILL: what was written to the file is the kernel's.
  const files = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'no', '--dir', server.folder]
  server.run(process.env.REDIS_SERVER ?? 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', ...files])
  const restart = () => server.start(() => answers(port))
  await restart()
  return {
    port,
    kill: () => server.kill(),
    restart,
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const done = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1_000, () => done(false))
    socket.once('error', () => done(false))
    // Not while it still reads its data: then it says -LOADING.
    socket.once('data', (data) => done(String(data).startsWith('+PONG')))
  })
}
