/** `demo`: the demo "organization news" on embedded defaults; what `npm start` runs. */

import { type Gateway, startGateway } from '../demo/gateway.ts'
import { readSettings, type Settings } from '../demo/settings.ts'
import { packageFile } from '../package-files.ts'
import { reasonOf, StartError } from '../start-error.ts'
import type { Command, Terminal } from './command.ts'

export const DEMO_HELP = `portcullis-gateway demo
  Runs the demo "organization news" with a PostgreSQL of its own in ./data, and prints where it is and who can log in.
  See the package's README for the environment variables that it takes.`

const STOP_TIMEOUT_MS = 10_000

export const demo: Command = async (_args, terminal) => {
  const stopping = new AbortController()
  let gateway: Gateway | undefined
  const stopped = new Promise<number>((resolve) => {
    /** Once: npm and a closing terminal send a second signal right after the first. */
    const stop = () => {
      if (stopping.signal.aborted) return
      stopping.abort()
      setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref()
      if (gateway !== undefined) void gateway.close().then(() => resolve(0))
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop)
  })
  try {
    const settings = readSettings(process.env, process.cwd())
    gateway = await startGateway(settings, {
      pageFolder: packageFile('dist', 'page'),
      onError: (error, where) => terminal.complain(`${where}: ${describe(error)}`),
      signal: stopping.signal,
    })
    if (stopping.signal.aborted) {
      await gateway.close()
      return 0
    }
    announce(gateway, settings, terminal)
    const ended = await Promise.race([stopped, gateway.failed])
    if (typeof ended === 'number') return ended
    if (stopping.signal.aborted) return await stopped
    terminal.complain(ended)
    await gateway.close()
    return 1
  } catch (error) {
    if (stopping.signal.aborted) return 0
    if (error instanceof StartError) throw error
    throw new StartError(`cannot start (${describe(error)})`)
  }
}

function announce(gateway: Gateway, settings: Settings, { print }: Terminal): void {
  const { port, controlPort, controlKey, inspector, database, warnings, logins } = gateway
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host
  const lines = [
    `Portcullis gateway  http://${host}:${port}`,
    `  inspector http://${host}:${controlPort}/inspector   ${inspector.name}, ${inspector.password}`,
    `  control   http://${host}:${controlPort}/v1   key ${controlKey}`,
    `  data      ${database}`,
    `  secrets   secrets.json in ${settings.dataDir}`,
    `  sessions  ${settings.redisUrl === null ? 'in memory' : 'in the Redis of REDIS_URL'}`,
    ...(logins ?? []).map(({ name, password, members, admin }) => {
      const roles = members.map(({ organization, role }) => `${organization} ${role}`).join(', ')
      return `  ${name.padEnd(9)} ${password ?? '(another password)'}   ${roles}${admin ? ', admin' : ''}`
    }),
    ...warnings.map((warning) => `  warning   ${warning}`),
  ]
  print(lines.join('\n'))
}

/** The kind of error alone: a message may quote a query, an address or a credential. */
function describe(error: unknown): string {
  const name = error instanceof Error ? error.name : typeof error
  const reason = reasonOf(error)
  return reason === name ? name : `${name}, ${reason}`
}
