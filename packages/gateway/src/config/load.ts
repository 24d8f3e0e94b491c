/** Reads a configuration file: whole and valid, or not at all. */

import { readFile } from 'node:fs/promises'
import { dirname, isAbsolute, relative, resolve } from 'node:path'
import { LineCounter, parseDocument } from 'yaml'
import type { Environment } from './leaves.ts'
import { ConfigError, mistakesOf, type Path, type Places, placesIn } from './mistakes.ts'
import { type Config, configSchema } from './schema.ts'

/** A configuration, and a way to tell what a later check finds wrong with it. */
export interface Loaded {
  readonly config: Config
  /** Absolute. */
  readonly file: string
  /** A `ConfigError` for one option, with its line. */
  mistake(path: Path, message: string): ConfigError
}

const MAX_BYTES = 1_048_576

/**
 * @param file as the operator named it; relative to the working directory
 * @throws ConfigError naming file, line and option; never quotes the value of a secret
 */
export async function loadConfig(file: string, env: Environment, bringsSessions = false): Promise<Loaded> {
  const path = resolve(file)
  let source: string
  try {
    source = await readFile(path, 'utf8')
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'unreadable'
    throw new ConfigError([
      { file: shown(path), line: 1, column: 1, option: '', message: `cannot be read (${reason})` },
    ])
  }
  return parseConfig(source, path, env, bringsSessions)
}

/**
 * As `loadConfig`, of a text that was read already.
 *
 * @param file absolute
 * @param bringsSessions whether who runs the gateway has a store of sessions of its own, so that `session` needs no Redis
 */
export function parseConfig(source: string, file: string, env: Environment, bringsSessions = false): Loaded {
  const { places, value } = parseYaml(source, shown(file))
  const parsed = configSchema(env).safeParse(value)
  if (!parsed.success) throw new ConfigError(mistakesOf(parsed.error.issues, value, places))
  const loaded: Loaded = {
    config: parsed.data,
    file,
    mistake: (path, message) => new ConfigError([places.mistake(path, message)]),
  }
  checkReferences(loaded, bringsSessions)
  return loaded
}

/** The file that an option names, relative to the configuration that names it. */
export function besideConfig({ file }: Loaded, other: string): string {
  return isAbsolute(other) ? other : resolve(dirname(file), other)
}

function parseYaml(source: string, file: string): { readonly places: Places; readonly value: unknown } {
  const lines = new LineCounter()
  const fail = (message: string, line = 1, column = 1) => new ConfigError([{ file, line, column, option: '', message }])
  if (Buffer.byteLength(source) > MAX_BYTES) throw fail('is larger than 1 MiB')
  const document = parseDocument(source, { lineCounter: lines, uniqueKeys: true, merge: true, strict: true })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0])
    throw fail(`is no YAML: ${(error.message.split('\n')[0] ?? '').replace(/ at line \d+.*$/, '')}`, line, col)
  }
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch {
    throw fail('has more aliases than are followed')
  }
  return { places: placesIn(file, document, lines), value }
}

/** What one option needs of another. */
function checkReferences({ config, mistake }: Loaded, bringsSessions: boolean): void {
  const { strategies, namespaces, nodes, redis, postgres, hooks, signing, control, inspector, emitters } = config
  const need = (present: unknown, path: Path, message: string) => {
    if (present === undefined) throw mistake(path, message)
  }
  if (nodes !== undefined) need(redis, ['nodes'], 'needs "redis", where the nodes meet')
  if (emitters !== undefined) need(redis, ['emitters'], 'needs "redis", where emitters publish')
  if (inspector !== undefined && !inspector.public) {
    need(control, ['inspector'], 'needs "control", on whose port it stands; or say "public: true"')
  }
  if (control !== undefined && control.jwt === undefined && control.keys.length === 0 && inspector === undefined) {
    throw mistake(['control'], 'has neither "keys" nor "jwt": nobody could use it')
  }
  if (control?.jwt !== undefined && (control.jwt.jwks === undefined) === (control.jwt.secret === undefined)) {
    throw mistake(['control', 'jwt'], 'needs "jwks" or "secret", and not both')
  }
  strategies.forEach((strategy, index) => {
    const at = ['strategies', index] as const
    const needsRedis = ['session', 'php-session', 'laravel-session'].includes(strategy.use)
    if (needsRedis && !(bringsSessions && strategy.use === 'session')) {
      need(redis, at, 'needs "redis", where the sessions are')
    }
    if (strategy.use === 'access-token' || strategy.use === 'api-key') need(postgres, at, 'needs "postgres"')
    if (strategy.use === 'hook') need(hooks, at, 'needs "hooks"')
    if (strategy.use === 'jwt') {
      const keys = [strategy.jwks, strategy.secret, strategy.publicKey].filter((each) => each !== undefined)
      if (keys.length !== 1) throw mistake(at, 'needs exactly one of "jwks", "secret" and "publicKey"')
    } else if (strategy.use !== 'anonymous' && strategy.issuer === undefined) {
      need(config.issuer, at, 'needs "issuer", here or once for the file')
    }
  })
  for (const [name, namespace] of Object.entries(namespaces)) {
    const at = ['namespaces', name] as const
    const check = (value: unknown, path: Path) => checkCondition(value, path, { hooks, postgres, signing }, mistake)
    check(namespace.connect, [...at, 'connect'])
    const { memberships } = namespace
    if (memberships !== undefined) {
      if ('hook' in memberships) need(hooks, [...at, 'memberships'], 'needs "hooks"')
      if ('sql' in memberships) {
        need(postgres, [...at, 'memberships'], 'needs "postgres"')
        need(memberships.issuer ?? config.issuer, [...at, 'memberships'], 'needs "issuer", here or once for the file')
      }
    }
    for (const [room, { allow, presence }] of Object.entries(namespace.rooms)) {
      check(allow, [...at, 'rooms', room, 'allow'])
      check(presence, [...at, 'rooms', room, 'presence'])
    }
    for (const [event, { allow, to }] of Object.entries(namespace.events)) {
      check(allow, [...at, 'events', event, 'allow'])
      if (to === 'hook') need(hooks, [...at, 'events', event, 'to'], 'needs "hooks"')
    }
  }
}

interface Means {
  readonly hooks: unknown
  readonly postgres: unknown
  readonly signing: unknown
}

function checkCondition(value: unknown, path: Path, means: Means, mistake: Loaded['mistake']): void {
  if (typeof value !== 'object' || value === null) return
  const [[kind, inner] = ['', null]] = Object.entries(value)
  if (kind === 'hook' && means.hooks === undefined) throw mistake([...path, kind], 'needs "hooks"')
  if (kind === 'sql' && means.postgres === undefined) throw mistake([...path, kind], 'needs "postgres"')
  if (kind === 'signed') {
    if (means.signing === undefined) throw mistake([...path, kind], 'needs "signing.pusher"')
    if (!path.includes('rooms')) throw mistake([...path, kind], 'is for rooms: only a join brings a grant')
  }
  if (Array.isArray(inner) && (kind === 'all' || kind === 'any')) {
    for (const [index, each] of inner.entries()) checkCondition(each, [...path, kind, index], means, mistake)
  }
}

function shown(path: string): string {
  const short = relative(process.cwd(), path)
  return short !== '' && !short.startsWith('..') ? short : path
}
