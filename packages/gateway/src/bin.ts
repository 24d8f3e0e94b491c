#!/usr/bin/env node
/** `portcullis-gateway`: the commands, and what is said when one cannot be carried out. */

import { CHECK_HELP, check } from './cli/check.ts'
import { type Command, type Terminal, UsageError } from './cli/command.ts'
import { DEMO_HELP, demo } from './cli/demo.ts'
import { EXPLAIN_HELP, explain } from './cli/explain.ts'
import { HASH_PASSWORD_HELP, hashPasswordCommand } from './cli/hash-password.ts'
import { SCHEMA_HELP, schema } from './cli/schema.ts'
import { START_HELP, start } from './cli/start.ts'
import { TOKEN_HELP, token } from './cli/token.ts'
import { TRIGGER_HELP, trigger } from './cli/trigger.ts'
import { ConfigError } from './config/mistakes.ts'
import { packageVersion } from './package-files.ts'
import { reasonOf, StartError } from './start-error.ts'

// Whoever read the output may be gone; that is no reason to end.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)

const COMMANDS: Readonly<Record<string, { readonly run: Command; readonly help: string }>> = {
  start: { run: start, help: START_HELP },
  check: { run: check, help: CHECK_HELP },
  token: { run: token, help: TOKEN_HELP },
  explain: { run: explain, help: EXPLAIN_HELP },
  schema: { run: schema, help: SCHEMA_HELP },
  trigger: { run: trigger, help: TRIGGER_HELP },
  'hash-password': { run: hashPasswordCommand, help: HASH_PASSWORD_HELP },
  demo: { run: demo, help: DEMO_HELP },
}
const MAX_INPUT_BYTES = 65_536

const terminal: Terminal = {
  env: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
  complain(text) {
    const lines = text.split('\n').map((line) => `portcullis-gateway: ${line}\n`)
    process.stderr.write(lines.join(''))
  },
  async read() {
    const chunks: Buffer[] = []
    let length = 0
    for await (const chunk of process.stdin) {
      length += (chunk as Buffer).length
      if (length > MAX_INPUT_BYTES) throw new UsageError('standard input is longer than 64 KiB')
      chunks.push(chunk as Buffer)
    }
    return Buffer.concat(chunks).toString('utf8')
  },
}

process.exitCode = await main(process.argv.slice(2))
// A connection that somebody left open must not keep the process.
if (process.stdout.writableLength === 0) process.exit()
else process.stdout.once('drain', () => process.exit())

async function main([name, ...args]: readonly string[]): Promise<number> {
  const command = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name]
  if (name === '--version') {
    terminal.print(packageVersion())
    return 0
  }
  if (command === undefined) {
    const asked = name === '--help' || name === 'help'
    const help = Object.values(COMMANDS).map((each) => each.help)
    if (asked) terminal.print(help.join('\n\n'))
    else
      terminal.complain(
        `${name === undefined ? 'which command?' : `"${name}" is no command`} One of ${Object.keys(COMMANDS).join(', ')}; --help says what they do`,
      )
    return asked ? 0 : 2
  }
  if (args.includes('--help')) {
    terminal.print(command.help)
    return 0
  }
  try {
    return await command.run(args, terminal)
  } catch (error) {
    terminal.complain(messageOf(error, command.help))
    return isUsage(error) ? 2 : 1
  }
}

function messageOf(error: unknown, help: string): string {
  if (error instanceof StartError || error instanceof ConfigError) return error.message
  if (isUsage(error)) return `${(error as Error).message}\n${help}`
  const name = error instanceof Error ? error.name : typeof error
  const reason = reasonOf(error)
  return `cannot go on (${reason === name ? name : `${name}, ${reason}`})`
}

/** `parseArgs` throws errors with a code of its own. */
function isUsage(error: unknown): boolean {
  return error instanceof UsageError || /^ERR_PARSE_ARGS/.test(reasonOf(error))
}
