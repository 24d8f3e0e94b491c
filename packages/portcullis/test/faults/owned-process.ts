/** A server process of a test's own, which is ended whatever becomes of the test. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

export interface OwnedProcess {
  /** For its data; removed at the end. */
  readonly folder: string
  /** Resolves, with the time, when `answers` first does. Again and again while the process ends before that. */
  start(answers: () => Promise<boolean>): Promise<number>
  signal(signal: NodeJS.Signals): void
  /** SIGKILL, which a stopped process dies of too; resolves when it is gone. */
  kill(): Promise<void>
  /** Kills it for good. */
  finish(): Promise<void>
}

const START_TIMEOUT_MS = 20_000

/** Reads process ids until the test run is gone, in whatever way, then kills what is left of them and removes the folder. */
const WATCHDOG = `
while read -r line; do pid="$line"; done
[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
sleep 0.2
rm -rf -- "$0"
`

/** `missing` is what to say when there is no such command. */
export async function ownedProcess(name: string, missing: string): Promise<OwnedProcess & { run: Run }> {
  const folder = await mkdtemp(join(tmpdir(), `portcullis-faults-${name}-`))
  // Detached, so that a Ctrl-C in the terminal leaves it to do its work.
  const watchdog = spawn('/bin/sh', ['-c', WATCHDOG, folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const told = watchdog.stdin as Socket
  for (const each of [watchdog, told]) {
    each.on('error', () => undefined)
    each.unref()
  }
  let command: Parameters<Run> | null = null
  let child: ChildProcess | null = null

  async function kill(): Promise<void> {
    const process = child
    if (process === null || process.exitCode !== null || process.signalCode !== null) return
    process.kill('SIGKILL')
    await once(process, 'exit')
    // Its number may soon be another's.
    told.write('\n')
  }
  return {
    folder,
    run: (...given) => {
      command = given
    },
    async start(answers) {
      if (command === null) throw new TypeError('start: say first what to run')
      const [path, args, options] = command
      const deadline = Date.now() + START_TIMEOUT_MS
      let failure: Error | null = null
      while (failure === null && Date.now() < deadline) {
        const started = spawn(path, [...args], { cwd: '/', stdio: 'ignore', ...options })
        child = started
        started.once('error', () => {
          failure = new Error(missing)
        })
        if (started.pid !== undefined) told.write(`${started.pid}\n`)
        while (failure === null && started.exitCode === null && Date.now() < deadline) {
          if (await answers()) return performance.now()
          await delay(5)
        }
      }
      throw failure ?? new Error(`the ${name} of the fault tests does not start`)
    },
    signal: (signal) => void child?.kill(signal),
    kill,
    async finish() {
      await kill()
      watchdog.ref()
      const gone = once(watchdog, 'exit')
      told.end()
      await gone
    },
  }
}

type Run = (path: string, args: readonly string[], options?: SpawnOptions) => void
