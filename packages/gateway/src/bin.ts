#!/usr/bin/env node
/** `portcullis-gateway`: starts the gateway, says where it is, and ends it when it is told to. */

import { fileURLToPath } from 'node:url'
import { type Gateway, startGateway } from './demo/gateway.ts'
import { readSettings, type Settings } from './demo/settings.ts'
import { reasonOf, StartError } from './start-error.ts'

// Whoever read the output may be gone; that is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

const STOP_TIMEOUT_MS = 10_000
const stopping = new AbortController()
let gateway: Gateway | undefined

try {
  const settings = readSettings(process.env, process.cwd())
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  gateway = await startGateway(settings, {
    pageFolder: fileURLToPath(new URL('./page/', import.meta.url)),
    onError: report,
    signal: stopping.signal,
  })
  if (stopping.signal.aborted) await finish(0)
  announce(gateway, settings)
  const why = await gateway.failed
  if (!stopping.signal.aborted) {
    complain(why)
    await finish(1)
  }
} catch (error) {
  if (stopping.signal.aborted) process.exit(0)
  complain(error instanceof StartError ? error.message : `cannot start (${describe(error)})`)
  process.exit(1)
}

/** Once: npm and a closing terminal send a second signal right after the first. */
function stop(): void {
  if (stopping.signal.aborted) return
  stopping.abort()
  setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref()
  if (gateway !== undefined) void finish(0)
}

async function finish(code: number): Promise<never> {
  await gateway?.close()
  process.exit(code)
}

function announce({ port, database, warnings, logins }: Gateway, settings: Settings): void {
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  const lines = [
    `Portcullis gateway  http://${host}:${port}`,
    `  data      ${database}`,
    `  secrets   secrets.json in ${settings.dataDir}`,
    `  sessions  ${settings.redisUrl === null ? 'in memory' : 'in the Redis of REDIS_URL'}`,
    ...(logins ?? []).map(({ name, password, members, admin }) => {
      const roles = members.map(({ organization, role }) => `${organization} ${role}`).join(', ')
      return `  ${name.padEnd(9)} ${password ?? '(another password)'}   ${roles}${admin ? ', admin' : ''}`
    }),
    ...warnings.map((warning) => `  warning   ${warning}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** The kind of error alone: a message may quote a query, an address or a credential. */
function report(error: unknown, where: string): void {
  complain(`${where}: ${describe(error)}`)
}

function describe(error: unknown): string {
  const name = error instanceof Error ? error.name : typeof error
  const reason = reasonOf(error)
  return reason === name ? name : `${name}, ${reason}`
}

function complain(text: string): void {
  process.stderr.write(
    `${text
      .split('\n')
      .map((line) => `portcullis-gateway: ${line}`)
      .join('\n')}\n`,
  )
}
