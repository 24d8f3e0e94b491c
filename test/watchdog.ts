/** Ends what the tests started and removes its folders when the test run is gone, in whatever way it went. */

import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'

/** Its standard input ends when this process does, even by SIGKILL. */
const SCRIPT = `
while read -r kind value; do
  case "$kind" in pid) pids="$pids $value";; folder) folders="$folders
$value";; esac
done
for pid in $pids; do kill -INT "$pid" 2>/dev/null; done
i=0
for pid in $pids; do
  while kill -0 "$pid" 2>/dev/null && [ "$i" -lt 50 ]; do sleep 0.1; i=$((i + 1)); done
  kill -KILL "$pid" 2>/dev/null
done
printf '%s\\n' "$folders" | while read -r folder; do [ -z "$folder" ] || rm -rf -- "$folder"; done
`

export interface Watchdog {
  /** A process to be ended. */
  process(pid: number): void
  /** A folder to be removed. */
  folder(path: string): void
  /** Does at once what it would do at the end of this process, and resolves when that is done. */
  finish(): Promise<void>
}

export function startWatchdog(): Watchdog {
  const child = spawn('/bin/sh', ['-c', SCRIPT], { cwd: '/', detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  const stdin = child.stdin as Socket
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  for (const each of [child, stdin]) {
    each.on('error', () => undefined)
    each.unref()
  }
  return {
    process: (pid) => void stdin.write(`pid ${pid}\n`),
    folder: (path) => void stdin.write(`folder ${path}\n`),
    async finish() {
      child.ref()
      stdin.end()
      await gone
    },
  }
}
