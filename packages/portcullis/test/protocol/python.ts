/** A Python that has python3-socketio, and programs run by it. */

import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Debian's own before any other that may come first on the PATH. */
const CANDIDATES = [process.env.PYTHON, '/usr/bin/python3', 'python3'].filter((name) => name !== undefined)

const REQUIRED = 'import socketio.asyncio_client, aiohttp'

/** @throws Error that says what to install */
export function findPython(candidates: readonly string[] = CANDIDATES): string {
  const found = candidates.find((name) => spawnSync(name, ['-c', REQUIRED], { stdio: 'ignore' }).status === 0)
  if (found !== undefined) return found
  throw new Error(
    'The protocol tests need a Python that speaks Socket.IO: install python3-socketio and python3-aiohttp, or set PYTHON.',
  )
}

/** Runs a program with `input` on its standard input; resolves with its standard output. Killed after a minute. */
export async function runPython(program: string, input: string): Promise<string> {
  const { child, ended, errors } = spawnPython([program])
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  child.stdin.end(input)
  const status = await ended
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${errors()}`)
  return output
}

export interface PythonLines {
  /** The next line of standard output. @throws Error when the program has ended */
  next(): Promise<string>
}

/** Starts a program whose output is read as it comes. Killed after a minute. */
export function startPython(args: readonly string[]): { lines: PythonLines; ended: Promise<number | null> } {
  const { child, ended, errors } = spawnPython(args)
  child.stdin.end()
  const iterator = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    ended,
    lines: {
      async next() {
        const { value, done } = await iterator.next()
        if (done) throw new Error(`the program ended with ${await ended}: ${errors()}`)
        return value
      },
    },
  }
}

function spawnPython(args: readonly string[]) {
  const child = spawn(findPython(), args, { timeout: 60_000 })
  let written = ''
  child.stderr.on('data', (data) => {
    written += data
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { child, ended, errors: () => written }
}
