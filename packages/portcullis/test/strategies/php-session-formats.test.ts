import { existsSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { decodePhpSession, PHP_HANDLERS, type PhpHandler } from '../../src/strategies/php-session-formats.ts'
import { randomOf } from '../php/random.ts'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

const refused = { session: null, other: null }
const variables = (...pairs: readonly (readonly [name: string, value: string])[]) => ({
  php: Buffer.from(pairs.map(([name, value]) => `${name}|${value}`).join('')),
  php_serialize: Buffer.from(
    `a:${pairs.length}:{${pairs.map(([name, value]) => `s:${name.length}:"${name}";${value}`).join('')}}`,
  ),
  php_binary: Buffer.from(pairs.map(([name, value]) => String.fromCharCode(name.length) + name + value).join('')),
})
const string = (text: string) => `s:${Buffer.byteLength(text)}:"${text}";`

describe('a session in the format of a handler', () => {
  it.each(PHP_HANDLERS)('%s gives its variables, of two with one name the last', (handler) => {
    const { session } = decodePhpSession(variables(['a', 'i:1;'], ['b', 'N;'], ['a', 'i:2;'])[handler], handler)
    expect({ ...session }).toEqual({ a: 2, b: null })
  })

  it.each(PHP_HANDLERS)('P07: %s has no prototype, and __proto__ as a variable like others', (handler) => {
    const written = variables(['__proto__', 'a:1:{s:5:"admin";b:1;}'], ['constructor', 'i:1;'])[handler]
    const { session } = decodePhpSession(written, handler)
    expect(Object.getPrototypeOf(session)).toBeNull()
    expect([Object.keys(session ?? {}), session?.admin, Object.isFrozen(session)]).toEqual([
      ['__proto__', 'constructor'],
      undefined,
      true,
    ])
  })

  it.each(PHP_HANDLERS)('P08: %s keeps one count of references over all variables', (handler) => {
    const [first, second] = handler === 'php_serialize' ? [2, 3] : [1, 2]
    const written = variables(['a', 'O:1:"A":0:{}'], ['b', 's:1:"x";'], ['c', `r:${first};`], ['d', `R:${second};`])
    const { session } = decodePhpSession(written[handler], handler)
    expect([session?.c === session?.a, session?.d]).toEqual([true, 'x'])
  })

  it('php_serialize has nothing for no bytes, and a list as numbered variables', () => {
    for (const handler of PHP_HANDLERS) expect({ ...decodePhpSession(Buffer.alloc(0), handler).session }).toEqual({})
    expect({ ...decodePhpSession(Buffer.from('a:1:{i:0;N;}'), 'php_serialize').session }).toEqual({ 0: null })
  })

  it('php_serialize is an array, and nothing after it', () => {
    for (const written of ['i:1;', 'N;', 'O:1:"A":0:{}', 's:1:"a";', 'a:0:{}a:0:{}', 'a:0:{};']) {
      expect(decodePhpSession(Buffer.from(written), 'php_serialize').session).toBeNull()
    }
  })

  it('php_binary has names of at most 127 bytes', () => {
    const named = (length: number) =>
      decodePhpSession(
        Buffer.concat([Buffer.from([length]), Buffer.alloc(length, 'n'), Buffer.from('i:1;')]),
        'php_binary',
      )
    expect(Object.keys(named(127).session ?? {})).toEqual(['n'.repeat(127)])
    expect(named(160).session).toBeNull()
  })
})

describe('P05, P06: what a user typed is no variable, even in a session that its own handler could not read', () => {
  const typed = 'x|b:1;user_id|i:1;admin|b:1;z|s:1:"a'
  it.each<[string, string]>([
    ['a cycle', 'a:1:{i:0;R:1;}'],
    ['a depth of 65', `${'a:1:{i:0;'.repeat(65)}N;${'}'.repeat(65)}`],
    ['10,000 values', `a:10000:{${Array.from({ length: 10_000 }, (_, i) => `i:${i};N;`).join('')}}`],
  ])('%s', (_name, unreadable) => {
    const written = variables(['list', unreadable], ['user_id', 'i:7;'], ['note', string(typed)])
    for (const [writer, bytes] of Object.entries(written)) {
      // Of itself the text would be read: as variables of `php`, which end where the session ends.
      expect(bytes.includes('user_id|i:1;admin|b:1;')).toBe(true)
      for (const reader of PHP_HANDLERS) expect([writer, decodePhpSession(bytes, reader)]).toEqual([writer, refused])
    }
  })

  it('php and php_binary have no variable with a quote in its name', () => {
    const written = variables(['a"b', 'i:1;'])
    expect(decodePhpSession(written.php, 'php')).toEqual(refused)
    expect(decodePhpSession(written.php_binary, 'php_binary')).toEqual(refused)
    expect({ ...decodePhpSession(written.php_serialize, 'php_serialize').session }).toEqual({ 'a"b': 1 })
  })
})

describe('P01: bytes of igbinary and msgpack', () => {
  it.each<[string, string, readonly number[]]>([
    ['igbinary', 'version 1', [0, 0, 0, 1, 0x14, 0]],
    ['igbinary', 'version 2', [0, 0, 0, 2, 0x14, 0]],
    ['msgpack', 'a short map', [0x81, 0xa1, 0x61, 0x01]],
    ['msgpack', 'an empty one', [0x80]],
    ['msgpack', 'a short array', [0x91, 0x01]],
    ['msgpack', 'a map of 16 bits', [0xde, 0, 1, 0xa1, 0x61, 0x01]],
    ['msgpack', 'an array of 32 bits', [0xdd, 0, 0, 0, 1, 0x01]],
  ])('%s, %s, are named', (other, _name, bytes) => {
    for (const handler of PHP_HANDLERS) {
      expect(decodePhpSession(Uint8Array.from(bytes), handler)).toEqual({ session: null, other })
    }
  })

  it('are not a name that begins with such a letter', () => {
    const bytes = Buffer.from('ߐ|i:1;')
    expect(bytes[0]).toBe(0xdf)
    expect({ ...decodePhpSession(bytes, 'php').session }).toEqual({ ߐ: 1 })
  })
})

describe('P02: the memory of a hostile session', () => {
  const list = (member: string) => `v|a:9999:{${Array.from({ length: 9_999 }, (_, i) => `i:${i};${member}`).join('')}}`
  it.each<[string, string]>([
    ['10,000 strings that are no UTF-8', list('s:1:"\xff";')],
    ['10,000 objects', list('O:1:"A":0:{}')],
    ['10,000 variables', Array.from({ length: 10_000 }, (_, i) => `v${i}|N;`).join('')],
    ['one string of a mebibyte', `v|s:1048500:"${'\xff'.repeat(1_048_500)}";`],
    ['5,000 references to one list of 1', `v|a:4998:{i:0;a:1:{i:0;N;}${'i:1;R:2;'.repeat(4_997)}}`],
    ['a length of ten million', 'v|a:9999999:{'],
    ['nothing but separators', '|'.repeat(1_048_576)],
    ['nothing but openings', `v|${'a:1:{i:0;'.repeat(116_000)}`],
  ])('%s, is less than 16 MiB', (_name, written) => {
    const bytes = Buffer.from(written, 'latin1')
    collect()
    const before = inUse()
    const decoded = decodePhpSession(bytes, 'php')
    expect(inUse() - before).toBeLessThan(16 * 1_048_576)
    expect(decoded).toHaveProperty('session')
  })
})

/** Everything that the process holds for JavaScript, what could be collected included. */
function inUse(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const vectors = new URL('../../../../../shared/vectors/php-sessions/php_sessions.json', import.meta.url)
const hasVectors = existsSync(vectors)
if (!hasVectors) console.warn('skipped: the PHP sessions are not here (../shared/vectors beside the repository)')

describe.runIf(hasVectors)('P02: 115 sessions of real PHP, mutated', () => {
  const written = hasVectors
    ? (JSON.parse(readFileSync(vectors, 'utf8')) as { vectors: { raw_b64: string }[] }).vectors
    : []
  const sessions = written.map(({ raw_b64 }) => Buffer.from(raw_b64, 'base64')).filter(({ length }) => length > 0)

  /** The fastest of three: a pause of the collector or of the machine is not the decoder's. */
  function fastestMs(bytes: Uint8Array, handler: PhpHandler): number {
    let fastest = Number.POSITIVE_INFINITY
    for (let run = 0; run < 3 && fastest >= 20; run += 1) {
      const startedMs = performance.now()
      const { session } = decodePhpSession(bytes, handler)
      fastest = Math.min(fastest, performance.now() - startedMs)
      expect(session === null || Object.getPrototypeOf(session) === null).toBe(true)
    }
    return fastest
  }

  it('throw nothing, and take less than 20 ms each', () => {
    const random = randomOf(20_261_121)
    const one = () => sessions[random(sessions.length)] ?? Buffer.alloc(0)
    const mutations: readonly (() => Buffer)[] = [
      () => {
        const bytes = Buffer.from(one())
        for (let i = random(6); i >= 0; i -= 1) bytes[random(bytes.length)] = random(256)
        return bytes
      },
      () => Buffer.concat([one().subarray(random(40)), one()]),
      () => one().subarray(0, random(200)),
      () =>
        Buffer.from(
          one()
            .toString('latin1')
            .replaceAll(/\d+/g, (digits) => (random(4) ? digits : String(random(2 ** 31)))),
          'latin1',
        ),
      () => Buffer.from(Array.from({ length: random(300) }, () => random(256))),
      () => Buffer.from(Array.from({ length: random(300) }, () => 'asidbNORrEC:;{}"|0129'.charCodeAt(random(21)))),
    ]
    const untilMs = performance.now() + 2_000
    let runs = 0
    let slowestMs = 0
    while (performance.now() < untilMs) {
      const bytes = mutations[random(mutations.length)]?.() ?? Buffer.alloc(0)
      const handler = PHP_HANDLERS[random(PHP_HANDLERS.length)] ?? 'php'
      slowestMs = Math.max(slowestMs, fastestMs(bytes, handler))
      runs += 1
    }
    expect(runs).toBeGreaterThan(1_000)
    expect(slowestMs).toBeLessThan(20)
  })
})
