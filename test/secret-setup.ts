/**
 * In each process that runs tests: searches all that they print, all warnings, and all that fixtures say a client or an operator was told.
 * What is found goes into a file, for the end of the run.
 */

import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { type Kind, type Search, type Secrets, searchFor } from './secrets.ts'

type Write = (chunk: unknown, ...rest: unknown[]) => boolean
interface Output {
  write: Write
}

interface Watch {
  readonly search: Search
  readonly outputs: WeakSet<Output>
  /** Secrets that the library itself has made, such as tickets. */
  readonly made: Map<string, Kind>
}

/** This file is evaluated for each test file, and a process may run many. */
const KEY = Symbol.for('portcullis.test.secret-watch')
/** The last so many that were made are searched for. */
const MAX_MADE = 32

const secrets = process.env.PORTCULLIS_TEST_SECRETS
if (secrets !== undefined) {
  const shared = globalThis as unknown as Record<symbol, Watch | undefined>
  shared[KEY] ??= start(JSON.parse(secrets) as Secrets)
  const { _stdout, _stderr } = console as unknown as { _stdout?: Output; _stderr?: Output }
  watchOutput(shared[KEY], 'standard output', process.stdout as unknown as Output, _stdout)
  watchOutput(shared[KEY], 'standard error', process.stderr as unknown as Output, _stderr)
}

function start(drawn: Secrets): Watch {
  const watch: Watch = { search: searchFor(drawn), outputs: new WeakSet(), made: new Map() }
  process.on('warning', (warning) => look(watch, 'a warning', textOf(warning)))
  subscribe('portcullis-test:told', (message) => {
    const { place, value, also = [] } = message as { place: string; value: unknown; also?: readonly string[] }
    const text = textOf(value)
    look(watch, place, text)
    if (also.some((key) => text.includes(key))) record('api-key', place)
  })
  subscribe('portcullis-test:made', (message) => {
    const { kind, value } = message as { kind: Kind; value: string }
    watch.made.set(value, kind)
    for (const oldest of watch.made.keys()) if (watch.made.size > MAX_MADE) watch.made.delete(oldest)
  })
  return watch
}

function watchOutput(watch: Watch, place: string, ...outputs: (Output | undefined)[]): void {
  for (const output of outputs) {
    if (output === undefined || watch.outputs.has(output)) continue
    watch.outputs.add(output)
    const write = output.write
    output.write = function watched(chunk, ...rest) {
      look(watch, place, typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString('latin1'))
      return write.call(output, chunk, ...rest)
    }
  }
}

function look({ search, made }: Watch, place: string, text: string): void {
  const kinds = new Set(search.in(text))
  for (const [secret, kind] of made) if (text.includes(secret)) kinds.add(kind)
  for (const kind of kinds) record(kind, place)
}

function record(kind: Kind, place: string): void {
  const { currentTestName = 'outside of a test', testPath = '' } = expect.getState()
  const line = JSON.stringify({ kind, place, test: `${testPath} > ${currentTestName}` })
  appendFileSync(process.env.PORTCULLIS_TEST_LEAKS as string, `${line}\n`)
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  if (Array.isArray(value) && value.some((each) => each instanceof Error)) return value.map(textOf).join(' ')
  if (value instanceof Error) return inspect(value, { depth: 6 })
  try {
    return JSON.stringify(value) ?? ''
  } catch {
    return inspect(value, { depth: 6 })
  }
}
