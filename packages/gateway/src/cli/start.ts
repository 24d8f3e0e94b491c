/** `start`: runs a gateway until it is told to end. */

import { parseArgs } from 'node:util'
import { loadConfig } from '../config/load.ts'
import { ConfigError } from '../config/mistakes.ts'
import { openGateway } from '../open/open-gateway.ts'
import { createLogs } from '../operations/logs.ts'
import { type Command, UsageError } from './command.ts'

export const START_HELP = `portcullis-gateway start FILE
  Runs the gateway of FILE. Logs are JSON lines on standard output.
  SIGTERM and SIGINT let clients go over drain.overMs and end; a second one ends at once. SIGHUP reads FILE anew:
  strategies, origins, namespaces and shadow, valid as a whole or not at all.`

/** After the drain: for what is on its way to be written, and what does not end by itself. */
const CLOSE_TIMEOUT_MS = 10_000
/** After a second signal. */
const HURRIED_TIMEOUT_MS = 2_000

/** How long a start that is given up may take to close what it has opened. */
const ABORT_TIMEOUT_MS = 1_000

export const start: Command = async (args, terminal) => {
  const { positionals } = parseArgs({ args: [...args], options: {}, allowPositionals: true })
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError('start takes one FILE')
  // Without a listener a signal ends the process, which a reload that comes early must not.
  let reload: (() => void) | null = null
  let asked = false
  process.on('SIGHUP', () => {
    if (reload === null) asked = true
    else reload()
  })
  const loaded = await loadConfig(file, terminal.env)
  const logs = createLogs(loaded.config.logs)
  const opening = new AbortController()
  const abort = () => {
    opening.abort()
    // Nothing is served yet: what is waited for, such as a database that says nothing, is not worth more.
    setTimeout(() => process.exit(0), ABORT_TIMEOUT_MS).unref()
  }
  process.once('SIGTERM', abort)
  process.once('SIGINT', abort)
  const gateway = await openGateway(loaded, { env: terminal.env, logs, signal: opening.signal }).catch(
    (error: unknown) => {
      if (opening.signal.aborted) return null
      throw error
    },
  )
  if (gateway === null) return 0
  process.off('SIGTERM', abort)
  process.off('SIGINT', abort)

  reload = () => {
    gateway.reload().catch((error: unknown) => {
      if (error instanceof ConfigError) logs.warn({ mistakes: error.mistakes }, 'not reloaded: the file is not valid')
      else logs.error(error, 'reload')
    })
  }
  if (asked) reload()
  await new Promise<void>((resolve) => {
    let signals = 0
    const stop = (signal: string) => {
      signals += 1
      if (signals > 1) {
        setTimeout(() => process.exit(1), HURRIED_TIMEOUT_MS).unref()
        return resolve()
      }
      logs.info({ signal, overMs: loaded.config.drain.overMs }, 'draining')
      gateway.drain().then(resolve, resolve)
    }
    process.on('SIGTERM', () => stop('SIGTERM'))
    process.on('SIGINT', () => stop('SIGINT'))
    if (opening.signal.aborted) stop('SIGTERM')
  })
  setTimeout(() => process.exit(1), CLOSE_TIMEOUT_MS).unref()
  await gateway.close()
  logs.info({}, 'ended')
  logs.flush()
  return 0
}
