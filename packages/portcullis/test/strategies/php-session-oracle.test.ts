import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { PhpObject, type PhpValue } from '../../src/php/values.ts'
import { decodePhpSession, type PhpHandler } from '../../src/strategies/php-session-formats.ts'

type Case = readonly [handler: PhpHandler, base64: string, seen: unknown]

/** As php/encode.php writes what PHP sees. */
function seenBy(value: PhpValue): unknown {
  if (typeof value === 'bigint') return { $int: String(value) }
  if (typeof value === 'number') return { $number: bitsOf(value) }
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') }
  if (value instanceof PhpObject) return { $class: value.className, $of: seenBy(value.properties) }
  if (Array.isArray(value)) return value.map(seenBy)
  if (typeof value !== 'object' || value === null) return value
  return { $map: Object.fromEntries(Object.entries(value).map(([name, member]) => [name, seenBy(member)])) }
}

/** Every bit of a double, so that a rounded one shows. PHP's NAN has many. */
function bitsOf(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return bytes.toString('hex')
}

function encodedByPhp(seed: number, count: number): readonly Case[] {
  if (spawnSync('php', ['-v']).status !== 0)
    throw new Error('install php-cli and php-redis: these tests need a real PHP')
  const script = fileURLToPath(new URL('./php/encode.php', import.meta.url))
  const written = execFileSync('php', [script, String(seed), String(count)], { maxBuffer: 64 * 1_048_576 })
  return JSON.parse(written.toString()) as Case[]
}

describe('P01, P08: 200 random sessions that PHP encodes with each of the three handlers', () => {
  it('are decoded to the last bit as PHP sees them, references, objects, enum cases and bytes included', () => {
    const cases = encodedByPhp(20_261_121, 200)
    expect(cases).toHaveLength(600)
    for (const [handler, base64, seen] of cases) {
      const { session } = decodePhpSession(Buffer.from(base64, 'base64'), handler)
      if (session === null) expect.unreachable(`${handler} refused ${Buffer.from(base64, 'base64').toString('latin1')}`)
      else expect(seenBy(session)).toEqual(seen)
    }
  })

  it('are read by no handler that did not write them', () => {
    for (const [handler, base64] of encodedByPhp(7, 50)) {
      for (const other of (['php', 'php_serialize', 'php_binary'] as const).filter((each) => each !== handler)) {
        expect(decodePhpSession(Buffer.from(base64, 'base64'), other)).toEqual({ session: null, other: handler })
      }
    }
  })
})
