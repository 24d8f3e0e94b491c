/** Conditions of the file as rules: who is permitted, and what is told of it. */

import { AuthError, type Decision, deny, type Identity, permit } from 'portcullis'
import { describe, expect, it } from 'vitest'
import type { Condition } from '../src/config/conditions.ts'
import type { AnyRequest, AnyRule, Means } from '../src/policy/any-rule.ts'
import { conditionRule } from '../src/policy/condition-rule.ts'
import type { ExplainedRule } from '../src/policy/explain-condition.ts'
import { compileSql } from '../src/policy/sql.ts'

const identity: Identity = {
  scheme: 'jwt',
  issuer: 'https://id.example',
  subject: 'user-42',
  claims: { org: 'acme', level: 3, scope: 'news:read news:write', admin: 'yes' },
}
const request: AnyRequest = { identity, namespace: '/news', room: 'organization.acme', params: { id: 'acme' } }

function meansOf(given: Partial<Means> = {}): Means {
  return { pool: null, signed: null, hook: null, ...given }
}

async function decide(condition: Condition, means = meansOf(), asked = request): Promise<Decision> {
  return conditionRule(condition, 'room', means).rule(asked)
}
const rows = (count: number) => ({ query: async () => ({ rows: Array.from({ length: count }, () => ({})) }) })

describe('CEL', () => {
  it.each([
    ['identity.claims.org == params.id', true],
    ['identity.claims.org == "globex"', false],
    ['identity.claims.level >= 3 && room.startsWith("organization.")', true],
    ['has(identity.claims.nothing) && identity.claims.nothing', false],
  ])('%s is %s', async (source, permitted) => {
    expect((await decide(source)).effect).toBe(permitted ? 'permit' : 'deny')
  })

  it.each([
    ['a claim that is not there', 'identity.claims.nothing == 1'],
    ['a prototype', 'identity.claims.constructor.name == "Object"'],
    ['what is neither true nor false', 'identity.claims.admin'],
  ])('%s decides nothing: the rule throws, and names no value', async (_, source) => {
    const told = await decide(source).catch((error: unknown) => error as Error)
    expect(told).toBeInstanceOf(Error)
    expect((told as Error).message).not.toMatch(/acme|yes/)
  })
})

describe('all, any', () => {
  const undecided: AnyRule = async () => {
    throw new AuthError('AUTH_UNAVAILABLE')
  }
  const until =
    (expiresAt: number): AnyRule =>
    () =>
      permit({ expiresAt })

  it('all: the first that denies decides, and the earliest end counts', async () => {
    expect(await decide({ all: [true, { scope: 'news:delete' }, false] })).toEqual(deny('AUTH_INSUFFICIENT_SCOPE'))
    const ends = [200, 100][Symbol.iterator]()
    const means = meansOf({ hook: () => until(ends.next().value ?? 0) })
    expect(await decide({ all: [true, { hook: true }, { hook: true }] }, means)).toEqual(permit({ expiresAt: 100 }))
  })

  it('any: one that permits is enough, whether or not another could decide', async () => {
    const means = meansOf({ hook: () => undecided })
    expect((await decide({ any: [{ hook: true }, true] }, means)).effect).toBe('permit')
    expect((await decide({ any: [false, { sql: 'select 1' }] }, meansOf({ pool: rows(1) }))).effect).toBe('permit')
  })

  it('any: where none permits and one could not decide, nothing was decided', async () => {
    const means = meansOf({ hook: () => undecided })
    await expect(decide({ any: [false, { hook: true }, false] }, means)).rejects.toMatchObject({
      code: 'AUTH_UNAVAILABLE',
    })
  })

  it('a rule that decides at once keeps its tick', () => {
    const { rule } = conditionRule(
      { any: [false, { all: [true, 'identity.subject == "user-42"'] }] },
      'room',
      meansOf(),
    )
    expect(rule(request)).toEqual(permit())
  })
})

describe('SQL', () => {
  it('passes values beside the statement, each once, and leaves quotes, casts and comments alone', () => {
    const source = `select ':room' /* :room */ from t -- :room
      where a = :identity.subject::text and b = :params.id and c = :identity.subject`
    const { text, parameters } = compileSql(source, ['identity', 'params', 'room'])
    expect(text).toContain(`':room' /* :room */ from t -- :room`)
    expect(text).toContain('a = $1::text and b = $2 and c = $1')
    expect(parameters).toEqual([
      ['identity', 'subject'],
      ['params', 'id'],
    ])
  })

  it('permits by a row, and hands over null for what is missing or no plain value', async () => {
    const seen: unknown[] = []
    const pool = {
      query: async ({ values }: { values: readonly unknown[] }) => {
        seen.push(...values)
        return { rows: [] }
      },
    }
    const condition = {
      sql: 'select 1 where a = :identity.claims.org and b = :identity.claims.nothing and c = :identity.claims.toString',
    }
    expect(await decide(condition, meansOf({ pool }))).toEqual(deny())
    expect(seen).toEqual(['acme', null, null])
  })

  it.each(['22P02', '22003', '22021'])('a value that the column cannot hold (%s) is in no row', async (code) => {
    const pool = {
      query: async () => {
        throw Object.assign(new Error('invalid input syntax'), { code })
      },
    }
    expect(await decide({ sql: 'select 1 where id = :params.id' }, meansOf({ pool }))).toEqual(deny())
  })

  it.each([
    ['57P03', 'AUTH_UNAVAILABLE'],
    ['ECONNREFUSED', 'AUTH_UNAVAILABLE'],
    ['42P01', undefined],
  ])('an error %s of the database is %s', async (code, expected) => {
    const pool = {
      query: async () => {
        throw Object.assign(new Error('password=hunter2'), { code })
      },
    }
    const told = await decide({ sql: 'select 1' }, meansOf({ pool })).catch((error: unknown) => error as AuthError)
    expect((told as AuthError).code).toBe(expected ?? code)
    expect((told as AuthError).message).not.toContain('hunter2')
  })
})

describe('an explanation', () => {
  const steps = (condition: Condition, means = meansOf()) =>
    (conditionRule(condition, 'room', means).rule as ExplainedRule).explain(request)

  it('tells the parts in the order in which they were asked, up to the one that decided', async () => {
    const told = await steps({ all: ['params.id == "acme"', { scope: 'news:delete' }, true] })
    expect(told.map(({ rule, effect, code }) => [rule, effect, code])).toEqual([
      ['params.id == "acme"', 'permit', null],
      ['scope news:delete', 'deny', 'AUTH_INSUFFICIENT_SCOPE'],
    ])
  })

  it('says what could not decide', async () => {
    const told = await steps({ any: ['identity.claims.nothing', { all: [false] }] })
    expect(told.map(({ rule, effect, reason }) => [rule, effect, reason])).toEqual([
      ['identity.claims.nothing', 'none', 'threw'],
      ['nobody', 'deny', undefined],
      ['any of these', 'none', 'threw'],
    ])
  })
})
