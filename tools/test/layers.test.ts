import { describe, expect, it } from 'vitest'
import { findViolations } from '../layers/violations.mjs'
import { runTool, tree } from './tree.ts'

const CLEAN = {
  'packages/portcullis/src/protocol.ts': "export type Retry = 'never'\nexport const JOIN = 'auth:join'\n",
  'packages/portcullis/src/errors.ts': "import type { Retry } from './protocol.ts'\nexport const CODES: Retry[] = []\n",
  'packages/portcullis/src/core/clock.ts':
    'export interface Clock { setTimeout(): void; process: string }\nexport const at = (clock: Clock) => clock.setTimeout()\n',
  'packages/portcullis/src/core/decide.ts': "import { CODES } from '../errors.ts'\nimport { at } from './clock.ts'\n",
  'packages/portcullis/src/strategies/from.ts': "import { parse } from 'cookie'\nexport const from = parse\n",
  'packages/portcullis/src/strategies/jwt.ts':
    "import { createHash } from 'node:crypto'\nimport { from } from './from.ts'\nimport { keys } from './jwt-keys.ts'\nimport { jws } from './strict-jws.ts'\n",
  'packages/portcullis/src/strategies/jwt-keys.ts': "import { importJWK } from 'jose'\nexport const keys = importJWK\n",
  'packages/portcullis/src/strategies/strict-jws.ts':
    "import type { keys } from './jwt-keys.ts'\nexport const jws = 1 as unknown as typeof keys\n",
  'packages/portcullis/src/strategies/session.ts': "import { from } from './from.ts'\n",
  'packages/portcullis/src/revocations/memory.ts': "import type { Clock } from '../core/clock.ts'\n",
  'packages/portcullis/src/server/door.ts':
    "import { Server } from 'socket.io'\nimport { JOIN } from '../protocol.ts'\nimport 'rate-limiter-flexible'\nimport 'node:http'\n",
  'packages/portcullis/src/client/index.ts':
    "import type { Socket } from 'socket.io-client'\nimport { JOIN } from '../protocol.ts'\nimport type { CODES } from '../errors.ts'\n",
  'packages/portcullis/src/testing/index.ts':
    "import { permit } from 'portcullis'\nimport assert from 'node:assert/strict'\n",
  'packages/portcullis/src/compat/authorization.ts': "import { createAuth } from 'portcullis'\n",
  'packages/portcullis/src/create-auth.ts':
    "import 'node:os'\nimport type { Server } from 'socket.io'\nimport './server/door.ts'\nimport './revocations/memory.ts'\n",
  'packages/portcullis/src/index.ts':
    "export { CODES } from './errors.ts'\nexport type { Clock } from './core/clock.ts'\n",
  'packages/portcullis/test/door.test.ts': "import '../src/server/door.ts'\n",
  'packages/gateway/src/bin.ts':
    "import { createAuth } from 'portcullis'\nimport { jwt } from 'portcullis/strategies/jwt'\n",
  'packages/gateway/test/bin.test.ts': "import '../src/bin.ts'\n",
  'bench/run.mjs': "import 'portcullis'\nimport './load.mjs'\n",
  'bench/load.mjs': 'export const load = 1\n',
}
const SUBPATHS = ['portcullis', 'portcullis/client', 'portcullis/strategies/jwt']

/** What is said of the clean tree once `path` holds this. */
function refuse(path: string, text: string): string[] {
  return findViolations(new Map(Object.entries({ ...CLEAN, [path]: text })), SUBPATHS)
}

const SRC = 'packages/portcullis/src'

describe('check-layers', () => {
  it('says nothing of a tree that keeps to the plan', () => {
    expect(findViolations(new Map(Object.entries(CLEAN)), SUBPATHS)).toEqual([])
  })

  it.each([
    ['protocol.ts', "import './core/clock.ts'", 'protocol imports core (./core/clock.ts)', 'the wire imports nothing'],
    ['protocol.ts', "import 'jose'", 'imports jose', 'the wire imports nothing'],
    [
      'errors.ts',
      "import { JOIN } from './protocol.ts'",
      'errors imports a value from protocol',
      'nothing but the types',
    ],
    ['core/decide.ts', "import { JOIN } from '../protocol.ts'", 'core imports a value from protocol', 'pure functions'],
    ['core/decide.ts', "import '../server/door.ts'", 'core imports server', 'pure functions'],
    ['core/decide.ts', "import { createHash } from 'node:crypto'", 'imports node:crypto', 'pure functions'],
    ['core/decide.ts', "import type { Socket } from 'socket.io'", 'imports socket.io', 'it knows no socket'],
    ['core/decide.ts', "export type S = import('socket.io').Socket", 'imports socket.io', 'it knows no socket'],
    ['core/decide.ts', 'setTimeout(() => {}, 1)', 'names the global setTimeout', 'never waits'],
    [
      'core/decide.ts',
      'export const wait = globalThis.x ?? setInterval',
      'names the global setInterval',
      'never waits',
    ],
    ['core/decide.ts', 'export const cwd = process.cwd()', 'names the global process', 'the same on every platform'],
    ['strategies/session.ts', "import '../server/door.ts'", 'strategies imports server', 'knows nothing of the server'],
    [
      'strategies/session.ts',
      "import type { Server } from 'socket.io'",
      'imports socket.io',
      'knows nothing of the server',
    ],
    [
      'strategies/session.ts',
      "import './jwt.ts'",
      'session imports ./jwt.ts, which belongs to jwt',
      'never import one another',
    ],
    ['strategies/session.ts', "import './jwt-keys.ts'", 'which belongs to jwt', 'never import one another'],
    ['strategies/session.ts', "import './strict-jws.ts'", 'which belongs to jwt', 'never import one another'],
    ['strategies/from.ts', "import './jwt-keys.ts'", 'from imports ./jwt-keys.ts', 'never import one another'],
    ['channels/pusher.ts', "import '../strategies/from.ts'", 'channels imports strategies', 'a signed grant'],
    ['revocations/memory.ts', "import '../errors.ts'", 'revocations imports errors', 'handed its client'],
    ['revocations/redis.ts', "import { createClient } from 'redis'", 'imports redis', 'handed its client'],
    ['revocations/redis.ts', "import './memory.ts'", 'redis imports ./memory.ts', 'never import one another'],
    [
      'server/door.ts',
      "import '../strategies/jwt.ts'",
      'server imports strategies',
      'the application chooses its strategies',
    ],
    ['server/door.ts', "import '../revocations/memory.ts'", 'server imports revocations', 'chooses its revocation log'],
    [
      'server/door.ts',
      "const later = () => import('../client/index.ts')",
      'server imports client',
      'the only room that speaks',
    ],
    ['server/door.ts', "import 'express'", 'imports express', 'the only room that speaks'],
    ['client/index.ts', "import '../core/clock.ts'", 'client imports core', 'core decides on the server'],
    [
      'client/index.ts',
      "import { CODES } from '../errors.ts'",
      'client imports a value from errors',
      'only types of the table',
    ],
    [
      'client/index.ts',
      "import { io } from 'socket.io-client'",
      'a value from socket.io-client',
      'brings its own copy',
    ],
    [
      'client/index.ts',
      "import { type Socket } from 'socket.io-client'",
      'a value from socket.io-client',
      'its own copy',
    ],
    ['client/index.ts', "import 'node:events'", 'imports node:events', 'runs in browsers'],
    ['testing/index.ts', "import '../core/clock.ts'", 'testing imports core', 'what an application uses'],
    ['compat/authorization.ts', "import '../index.ts'", 'compat imports index', 'a facade over the public one'],
    [
      'index.ts',
      "export { x } from './compat/authorization.ts'",
      'imports ./compat/authorization.ts',
      'nobody imports an old API',
    ],
    ['create-auth.ts', "import './testing/index.ts'", 'imports ./testing/index.ts', 'the testing kit is for tests'],
    ['inspect/page.ts', 'export {}', '"inspect" is no room of the house', 'add a row to DESIGN.md'],
    ['core/utils.ts', 'export {}', '"utils" names nothing', 'a file is called what it holds'],
    ['server/helpers/origin.ts', 'export {}', '"helpers" names nothing', 'a file is called what it holds'],
    ['core/decide.ts', 'export default 1', 'has default export', 'named one by one'],
    ['core/decide.ts', 'export default function decide() {}', 'has default export', 'named one by one'],
    ['core/decide.ts', 'const a = 1\nexport { a as default }', 'has default export', 'named one by one'],
    ['core/decide.ts', "export * from './clock.ts'", 'has export *', 'named one by one'],
    ['core/decide.ts', "export * as clock from './clock.ts'", 'has export *', 'named one by one'],
    ['testing/index.ts', "import 'portcullis/core/clock'", 'imports portcullis/core/clock', 'does not export it'],
  ])('refuses in %s: %s', (file, text, what, why) => {
    const [violation = '', ...more] = refuse(`${SRC}/${file}`, `\n${text}\n`)
    expect(violation).toMatch(new RegExp(`^${SRC}/${file}:[123]: `))
    expect(violation).toContain(what)
    expect(violation.split('; ')[1]).toContain(why)
    expect(more).toEqual([])
  })

  it('lets an old API be loaded as its package was, and nothing else in it', () => {
    const text = "const a = 1\nexport { a, a as default, a as 'module.exports' }\n"
    expect(refuse(`${SRC}/compat/socketio-auth.ts`, text)).toEqual([])
    expect(refuse(`${SRC}/compat/socketio-auth.ts`, "export * from 'portcullis'\n")).toHaveLength(1)
  })

  it.each([
    'packages/gateway/src/bin.ts',
    'packages/gateway/test/bin.test.ts',
    'bench/run.mjs',
    'examples/01-jwt/server.ts',
  ])('refuses that %s reaches into another package', (path) => {
    const up = '../'.repeat(path.split('/').length - 1)
    expect(refuse(path, `import '${up}${SRC}/core/clock.ts'`)).toEqual([
      expect.stringMatching(
        /^.+:1: imports .*core\/clock\.ts from outside of .+; a package is imported by its published name/,
      ),
    ])
  })

  it('refuses an import cycle, once, and shows the way around', () => {
    const files = {
      ...CLEAN,
      [`${SRC}/server/a.ts`]: "import './b.ts'",
      [`${SRC}/server/b.ts`]: "\nimport type { C } from './c.ts'",
      [`${SRC}/server/c.ts`]: "import './a.ts'",
    }
    expect(findViolations(new Map(Object.entries(files)), SUBPATHS)).toEqual([
      expect.stringMatching(/server\/a\.ts:1: import cycle a\.ts -> b\.ts -> c\.ts -> a\.ts; /),
    ])
  })

  it('ends with 0 for a clean tree and with 1 and a line for each violation', () => {
    const manifest = {
      'packages/portcullis/package.json': {
        name: 'portcullis',
        exports: { '.': './dist/index.js', './client': {}, './strategies/jwt': {} },
      },
    }
    expect(runTool('check-layers.mjs', tree({ ...CLEAN, ...manifest }))).toEqual({
      code: 0,
      lines: ['check-layers: 21 files keep to the plan'],
    })
    const broken = tree({
      ...CLEAN,
      ...manifest,
      [`${SRC}/core/clock.ts`]: "import 'node:os'\nsetTimeout(() => {}, 1)\n",
    })
    const { code, lines } = runTool('check-layers.mjs', broken)
    expect(code).toBe(1)
    expect(lines).toEqual([
      expect.stringMatching(/^packages\/portcullis\/src\/core\/clock\.ts:1: imports node:os; /),
      expect.stringMatching(/^packages\/portcullis\/src\/core\/clock\.ts:2: names the global setTimeout; /),
      'check-layers: 2 violations',
    ])
  })
})
