/** Starts a node in a process of its own, on what was built. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onCleanup } from '../../harness.ts'

export interface OwnNode {
  readonly url: string
  readonly process: ChildProcess
}

export async function ownNode(...args: readonly string[]): Promise<OwnNode> {
  const program = fileURLToPath(new URL('./node.mjs', import.meta.url))
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onCleanup(() => {
    child.kill('SIGKILL')
  })
  const [port] = (await once(child.stdout, 'data')) as [Buffer]
  return { url: `http://127.0.0.1:${String(port).trim()}`, process: child }
}
