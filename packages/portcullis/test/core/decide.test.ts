import { describe, expect, it } from 'vitest'
import { type DecideOptions, decide, failed, isThenable } from '../../src/core/decide.ts'
import { type Decision, deny, permit } from '../../src/core/decision.ts'
import type { Trace } from '../../src/core/trace.ts'
import { AuthError } from '../../src/errors.ts'

function asking() {
  const told: [unknown, string][] = []
  const waited: Promise<unknown>[] = []
  const reasons: string[] = []
  const options: DecideOptions = {
    deadline(promise) {
      waited.push(promise)
      return promise
    },
    onError: (error, where) => told.push([error, where]),
  }
  const trace: Trace = {
    rule(asked, request, ask) {
      reasons.push(`${asked.name} of ${String(request)}`)
      return ask()
    },
    check: () => {},
    because: (reason) => reasons.push(reason),
  }
  return { told, waited, reasons, options, traced: { ...options, trace } }
}

const asked = (rule: (request: string) => unknown) => ({
  rule: rule as (request: string) => Decision,
  name: 'connect',
  where: 'connect of /chat',
})
/** A constant: a literal `then` is taken for a slip by the linter. */
const THEN = 'then'
const DENIED = { effect: 'deny', code: 'AUTH_ERROR' }

describe('decide', () => {
  it('answers in the same tick where the rule does, and sets no deadline', () => {
    const { options, waited, told } = asking()
    expect(
      decide(
        asked((request) => permit({ expiresAt: request.length })),
        'abc',
        options,
      ),
    ).toEqual({
      effect: 'permit',
      expiresAt: 3,
    })
    expect([waited, told]).toEqual([[], []])
  })

  it('bounds what takes its time', async () => {
    const { options, waited } = asking()
    expect(
      await decide(
        asked(async () => deny('AUTH_REVOKED')),
        'r',
        options,
      ),
    ).toEqual(deny('AUTH_REVOKED'))
    expect(waited).toHaveLength(1)
    const late = { ...options, deadline: () => Promise.reject(new AuthError('AUTH_UNAVAILABLE')) }
    expect(
      await decide(
        asked(() => new Promise(() => {})),
        'r',
        late,
      ),
    ).toEqual(deny('AUTH_UNAVAILABLE'))
  })

  it('waits for whatever await would wait for', async () => {
    const { options } = asking()
    const thenable = { [THEN]: (resolve: (value: unknown) => void) => resolve(permit()) }
    expect(
      await decide(
        asked(() => thenable),
        'r',
        options,
      ),
    ).toEqual(permit())
  })

  it.each([[true], [undefined], [null], ['permit'], [{ effect: 'permit' }]])(
    'denies with AUTH_ERROR what is no decision, and says where: %j',
    async (answer) => {
      for (const rule of [() => answer, async () => answer]) {
        const { options, told } = asking()
        expect(await decide(asked(rule), 'r', options)).toEqual(DENIED)
        expect(told).toEqual([[expect.any(TypeError), 'connect of /chat']])
        expect(String(told[0]?.[0])).toContain('a rule must return permit(), deny() or permitIf(')
      }
    },
  )

  it('denies with AUTH_ERROR what throws or rejects, and reports it', async () => {
    const thrown = new Error('no database')
    const throwing = () => {
      throw thrown
    }
    for (const rule of [throwing, () => Promise.reject(thrown)]) {
      const { options, told } = asking()
      expect(await decide(asked(rule), 'r', options)).toEqual(DENIED)
      expect(told).toEqual([[thrown, 'connect of /chat']])
    }
  })

  it('denies with the code of an AuthError, and reports its cause alone', async () => {
    for (const cause of [undefined, new Error('why')]) {
      const error = new AuthError('AUTH_UNAVAILABLE', { cause })
      const throwing = () => {
        throw error
      }
      for (const rule of [throwing, () => Promise.reject(error)]) {
        const { options, told } = asking()
        expect(await decide(asked(rule), 'r', options)).toEqual(deny('AUTH_UNAVAILABLE'))
        expect(told).toEqual(cause === undefined ? [] : [[cause, 'connect of /chat']])
      }
    }
  })

  it('is followed by a trace where there is one', async () => {
    const outcomes: [(request: string) => unknown, string[]][] = [
      [() => permit(), []],
      [() => 1, ['malformed']],
      [async () => 1, ['malformed']],
      [() => Promise.reject(new Error('x')), ['threw']],
      [() => Promise.reject(new AuthError('AUTH_ERROR')), ['threw']],
      [() => Promise.reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'deadline' })), ['deadline']],
    ]
    for (const [rule, reasons] of outcomes) {
      const asker = asking()
      const plain = await decide(asked(rule), 'r', asker.options)
      expect(asker.reasons).toEqual([])
      expect(await decide(asked(rule), 'r', asker.traced)).toEqual(plain)
      expect(asker.reasons).toEqual(['connect of r', ...reasons])
    }
  })
})

describe('failed', () => {
  it('says nothing to a trace that is not there', () => {
    expect(failed(new AuthError('AUTH_EXPIRED', { reason: 'x' }), 'w', asking().options)).toEqual(deny('AUTH_EXPIRED'))
    expect(failed('text', 'w', asking().options)).toEqual(DENIED)
  })
})

it.each<[unknown, boolean]>([
  [Promise.resolve(), true],
  [{ [THEN]: () => {} }, true],
  [{ [THEN]: 1 }, false],
  [{}, false],
  [null, false],
  [undefined, false],
  ['text', false],
  [Object.assign(() => {}, { [THEN]: () => {} }), false],
])('isThenable(%s) is %s', (value, expected) => expect(isThenable(value)).toBe(expected))
