import expressSession from 'express-session'
import { session } from 'portcullis/strategies/session'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SECRET, storeOf } from './session-fixtures.ts'

const store = storeOf(undefined)
const make = (options: object) => () => session({ store, secret: SECRET, ...options })

describe('refuses at start-up, quoting the option and not its value', () => {
  const wrong: Readonly<Record<string, readonly unknown[]>> = {
    store: [undefined, null, {}, 'redis://localhost', { get: 1 }],
    secret: [undefined, null, '', [], [''], [SECRET, ''], [SECRET, undefined], 42, {}],
    name: ['', 'a b', 'a=b', 'a;b', 7],
    identify: ['user', {}],
    issuer: ['', 1],
    scheme: ['', 1],
    sessionIdPattern: ['^[a-z]+$', /a/g, /a/y, /a/m],
    allowQuerySessionId: ['', true],
    leaseSeconds: [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '60'],
    maxLifetimeSeconds: [0, -1, Number.NaN, Number.POSITIVE_INFINITY],
    storeTimeoutMs: [0, -1, 2 ** 31, '1s'],
  }
  for (const [option, values] of Object.entries(wrong)) {
    test(option, () => {
      for (const value of values) {
        expect(make({ [option]: value })).toThrow(TypeError)
        expect(make({ [option]: value })).toThrow(`"${option}" must be`)
        expect(make({ [option]: value })).not.toThrow(SECRET)
      }
    })
  }
})

test('Z06: takes no option from a polluted Object.prototype', () => {
  const pollution = {
    allowQuerySessionId: 'sid',
    name: 'evil',
    scheme: 'admin',
    identify: () => ({ subject: 'admin' }),
  }
  try {
    Object.assign(Object.prototype, pollution)
    const strategy = session({ store, secret: SECRET })
    expect(strategy.scheme).toBe('session')
    expect(strategy.from.map(({ in: place, name }) => [place, name])).toEqual([['cookie', 'connect.sid']])
  } finally {
    for (const name of Object.keys(pollution)) Reflect.deleteProperty(Object.prototype, name)
  }
})

test('says its defaults', () => {
  const strategy = session({ store, secret: SECRET })
  expect([strategy.scheme, strategy.maxLifetimeSeconds]).toEqual(['session', 2_592_000])
  expect(Object.isFrozen(strategy)).toBe(true)
  expect(JSON.stringify(strategy)).not.toContain(SECRET)
})

describe('warns', () => {
  let warnings: (Error & { code?: string })[] = []
  const keep = (warning: Error) => warnings.push(warning)
  beforeEach(() => process.on('warning', keep))
  afterEach(() => {
    process.off('warning', keep)
    warnings = []
  })
  /** Node emits warnings on the next tick. */
  const heard = async (code: string) => {
    await new Promise<void>((resolve) => setImmediate(resolve))
    return warnings.filter((warning) => warning.code === code)
  }

  test('S22: of a secret shorter than 32 bytes, once per strategy and without quoting it', async () => {
    session({ store, secret: SECRET })
    session({ store, secret: 'é'.repeat(16) })
    expect(await heard('PORTCULLIS_WEAK_SECRET')).toEqual([])
    session({ store, secret: ['keyboard cat', SECRET, 'old secret'] })
    const [warning, ...others] = await heard('PORTCULLIS_WEAK_SECRET')
    expect(others).toEqual([])
    expect(String(warning)).toMatch(/"secret" is shorter than 32 bytes/)
    expect(String(warning)).not.toMatch(/keyboard|old secret/)
  })

  test('S25: of a MemoryStore, once per process', async () => {
    for (let i = 0; i < 3; i += 1) session({ store: new expressSession.MemoryStore(), secret: SECRET })
    expect(await heard('PORTCULLIS_MEMORY_STORE')).toHaveLength(1)
  })
})
