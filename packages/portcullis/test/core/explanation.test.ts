import { describe, expect, it } from 'vitest'
import { readQuestion, readSteps } from '../../src/core/explanation.ts'

const alice = { scheme: 'key', issuer: 'i', subject: 'alice', claims: { role: 'user' } }

describe('readQuestion', () => {
  it.each<[string, Record<string, unknown>]>([
    ['an identity', { identity: alice, namespace: '/chat' }],
    ['a socket', { identity: { socketId: 's' }, namespace: '/chat', event: 'news', args: [1] }],
    ['a principal', { identity: { issuer: 'i', subject: 's' }, namespace: '/', room: 'lobby', presented: { a: 1 } }],
    ['nothing for what may be undefined', { identity: alice, namespace: '/', room: undefined, args: undefined }],
    ['a decision', { decision: 'd' }],
    ['a decision with its arguments', { decision: 'd', args: [] }],
  ])('takes a question about %s as a copy', (_what, question) => {
    const read = readQuestion(question)
    expect(read).not.toBe(question)
    expect({ ...read }).toEqual(question)
  })

  it('copies and freezes the claims, whoever goes on changing them', () => {
    const { identity } = readQuestion({ identity: alice, namespace: '/' }) as unknown as { identity: typeof alice }
    expect(identity.claims).not.toBe(alice.claims)
    expect(Object.isFrozen(identity.claims)).toBe(true)
    expect(Object.isFrozen(alice.claims)).toBe(false)
  })

  it.each([[null], [undefined], ['text']])('takes the claims %j', (claims) => {
    expect({ ...readQuestion({ identity: { ...alice, claims }, namespace: '/' }) }).toEqual({
      identity: { ...alice, claims },
      namespace: '/',
    })
  })

  it.each<[unknown, string]>([
    [null, 'explain: the question must be an object'],
    ['may alice?', 'explain: the question must be an object'],
    [{ identity: alice }, 'explain: "namespace" must be a non-empty string'],
    [{ identity: alice, namespace: '' }, 'explain: "namespace" must be a non-empty string'],
    [{ identity: alice, namespace: 1 }, 'explain: "namespace" must be a non-empty string'],
    [{ identity: alice, namespace: '/', rule: 'r' }, 'explain: "rule" is no part of this question'],
    [{ decision: 'd', namespace: '/' }, 'explain: "namespace" is no part of this question'],
    [{ decision: '' }, 'explain: "decision" must be a non-empty string'],
    [{ decision: undefined }, 'explain: "decision" must be a non-empty string'],
    [{ decision: 'd', args: 'a' }, 'explain: "args" must be an array'],
    [{ identity: alice, namespace: '/', args: {} }, 'explain: "args" must be an array'],
    [{ identity: alice, namespace: '/', args: null }, 'explain: "args" must be an array'],
    [{ identity: alice, namespace: '/', room: 1 }, 'explain: "room" must be a string'],
    [{ identity: alice, namespace: '/', event: null }, 'explain: "event" must be a string'],
    [
      { identity: alice, namespace: '/', room: 'r', event: 'e' },
      'explain: "event" cannot be asked together with "room"',
    ],
    [{ namespace: '/' }, 'explain: "identity" must be an object'],
    [{ identity: null, namespace: '/' }, 'explain: "identity" must be an object'],
    [{ identity: 'alice', namespace: '/' }, 'explain: "identity" must be an object'],
    [{ identity: { ...alice, claims: () => {} }, namespace: '/' }, 'explain: "identity.claims" must be plain data'],
  ])('refuses %j with a TypeError that quotes what is wrong', (question, message) => {
    expect(() => readQuestion(question)).toThrow(TypeError)
    expect(() => readQuestion(question)).toThrow(message)
  })

  it.each([
    [{}],
    [{ socketId: '' }],
    [{ socketId: 1 }],
    [{ socketId: 's', issuer: 'i', subject: 's' }],
    [{ issuer: 'i' }],
    [{ issuer: '', subject: 's' }],
    [{ issuer: 'i', subject: '' }],
    [{ issuer: 'i', subject: 1 }],
    [{ ...alice, scheme: '' }],
    [{ ...alice, issuer: '' }],
    [{ ...alice, subject: '' }],
    [{ scheme: 'key', issuer: 'i', subject: 's' }],
    [{ ...alice, extra: 1 }],
  ])('refuses %j, which names nobody', (identity) => {
    expect(() => readQuestion({ identity, namespace: '/' })).toThrow(
      'explain: "identity" must be { socketId }, { issuer, subject } or { scheme, issuer, subject, claims }',
    )
  })

  it('sees own members only', () => {
    expect(() => readQuestion(Object.create({ identity: alice, namespace: '/' }))).toThrow('"namespace"')
    expect(() => readQuestion({ identity: Object.create(alice), namespace: '/' })).toThrow('"identity"')
  })
})

describe('readSteps', () => {
  const step = { rule: 'r', effect: 'permit', code: null, tookUs: 0 }

  it('takes at most 64 steps', () => {
    expect(readSteps([])).toEqual([])
    expect(readSteps(Array(64).fill(step))).toHaveLength(64)
    expect(readSteps(Array(65).fill(step))).toBe(null)
  })

  it('fills in what may be left out, and leaves out what is no part of a step', () => {
    expect(readSteps([{ rule: 'r', effect: 'none', secret: 's' }])).toEqual([{ ...step, effect: 'none' }])
    expect(Object.keys(readSteps([{ ...step }])?.[0] ?? {})).not.toContain('reason')
    const whole = { rule: 'r', effect: 'deny', code: 'AUTH_EXPIRED', reason: 'late', tookUs: 3 }
    expect(readSteps([whole])).toEqual([whole])
  })

  it('cuts texts to 200 characters', () => {
    const long = 'x'.repeat(300)
    const [cut] = readSteps([{ ...step, rule: long, reason: long }]) ?? []
    expect([cut?.rule, cut?.reason]).toEqual(['x'.repeat(200), 'x'.repeat(200)])
  })

  it.each([
    [1.4, 1],
    [1.6, 2],
    [-5, 0],
    [Number.POSITIVE_INFINITY, 0],
    [Number.NaN, 0],
    ['7', 0],
  ])('takes %j microseconds for %d', (tookUs, expected) => {
    expect(readSteps([{ ...step, tookUs }])?.[0]?.tookUs).toBe(expected)
  })

  it.each([
    [null],
    ['text'],
    [{ length: 0 }],
    [[null]],
    [['r']],
    [[{}]],
    [[{ ...step, rule: 1 }]],
    [[{ ...step, effect: 'allow' }]],
    [[{ ...step, effect: undefined }]],
    [[{ ...step, code: 'no code' }]],
    [[{ ...step, code: 'toString' }]],
    [[{ ...step, code: ['AUTH_EXPIRED'] }]],
    [[{ ...step, reason: 1 }]],
    [[{ ...step, reason: null }]],
    [[step, { ...step, rule: 1 }]],
    [[Object.create(step)]],
  ])('takes %j for no list of steps', (value) => expect(readSteps(value)).toBe(null))
})
