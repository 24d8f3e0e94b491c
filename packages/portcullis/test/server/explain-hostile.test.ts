import { AuthError, deny, permit, type RoomRequest, type Step } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { chat, IDENTITIES } from './explain-fixtures.ts'

const { alice } = IDENTITIES
const never = () => new Promise<never>(() => {})

/** What explains says of one room rule, and of its own step. */
async function explained(rule: unknown) {
  const { auth, errors } = await chat({ limits: { ruleTimeoutMs: 30 } }, { rooms: { 'room:{id}': rule } })
  const explanation = await auth.explain({ identity: alice, namespace: '/chat', room: 'room:1' })
  return { explanation, errors, own: explanation.steps.filter(({ rule: name }) => name.startsWith('rooms.')) }
}

describe('rules that misbehave while they are explained', () => {
  it('throws, refuses to answer, answers nonsense: the code that the gate would give, and a word that says why', async () => {
    const thrown = await explained(() => {
      throw new Error('secret-claim')
    })
    expect(thrown.explanation).toMatchObject({ effect: 'deny', code: 'AUTH_ERROR', rule: 'rooms.room:{id}' })
    expect(thrown.own).toMatchObject([{ code: 'AUTH_ERROR', reason: 'threw' }])
    expect(JSON.stringify(thrown.explanation)).not.toContain('secret')
    expect(thrown.errors).toMatchObject([{ where: 'explain: rooms.room:{id} of /chat' }])
    const late = await explained(never)
    expect(late.own).toMatchObject([{ code: 'AUTH_UNAVAILABLE', reason: 'deadline' }])
    for (const nonsense of [true, null, { effect: 'permit' }, { effect: 'deny', code: 'toString' }]) {
      expect((await explained(() => nonsense)).own).toMatchObject([{ code: 'AUTH_ERROR', reason: 'malformed' }])
    }
    const refused = await explained(() => Promise.reject(new AuthError('AUTH_UNAVAILABLE', { reason: 'database' })))
    expect(refused.own).toMatchObject([{ code: 'AUTH_UNAVAILABLE', reason: 'database' }])
  })
})

describe('rule.explain', () => {
  const step: Step = { rule: 'identity.claims.org == params.id', effect: 'permit', code: null, tookUs: 3 }
  const withExplain = (explain: unknown) => Object.assign(() => permit(), { explain })

  it('puts its steps before the step of the rule, and is told what the rule is told', async () => {
    const told: unknown[] = []
    const { explanation, own } = await explained(
      withExplain(async (request: RoomRequest) => {
        told.push(request.params, request.identity.subject)
        return [step, { rule: 'second', effect: 'none' }]
      }),
    )
    expect(told).toEqual([{ id: '1' }, 'alice'])
    const at = explanation.steps.indexOf(own[0] as Step)
    expect(explanation.steps.slice(at - 2, at)).toEqual([
      step,
      { rule: 'second', effect: 'none', code: null, tookUs: 0 },
    ])
  })

  it('one that throws, hangs or answers nonsense is a step of its own, and the rule is asked all the same', async () => {
    const cases: [unknown, string][] = [
      [
        () => {
          throw new Error('no')
        },
        'threw',
      ],
      [never, 'deadline'],
      [() => 'all fine', 'malformed'],
      [() => [{ rule: 'x', effect: 'maybe' }], 'malformed'],
      [() => [{ rule: 'x', effect: 'deny', code: 'constructor' }], 'malformed'],
      [() => new Array(65).fill(step), 'malformed'],
    ]
    for (const [explain, reason] of cases) {
      const { explanation, own } = await explained(withExplain(explain))
      expect(own).toMatchObject([
        { rule: 'rooms.room:{id}.explain', effect: 'none', reason },
        { rule: 'rooms.room:{id}', effect: 'permit' },
      ])
      // A reason is that of its own step alone.
      expect(own[1]).not.toHaveProperty('reason')
      expect(explanation.effect).toBe('permit')
    }
  })

  it('what it says is cut to size, and only an own function counts', async () => {
    const { explanation } = await explained(
      withExplain(() => [{ rule: 'r'.repeat(900), effect: 'none', reason: 'w'.repeat(900) }]),
    )
    const long = explanation.steps.find(({ rule }) => rule.startsWith('rrr'))
    expect([long?.rule.length, long?.reason?.length]).toEqual([200, 200])
    const inherited = Object.setPrototypeOf(
      () => permit(),
      withExplain(() => [step]),
    )
    expect((await explained(inherited)).explanation.steps).not.toContainEqual(step)
    expect((await explained(withExplain('text'))).own).toHaveLength(1)
  })
})

describe('questions that are none', () => {
  it('are refused with a TypeError that quotes what is wrong', async () => {
    const { auth } = await chat()
    const namespace = '/chat'
    const cases: [unknown, RegExp][] = [
      [null, /must be an object/],
      [{}, /"namespace"/],
      [{ identity: alice, namespace, rom: 'x' }, /"rom"/],
      [{ identity: alice, namespace, room: 7 }, /"room"/],
      [{ identity: alice, namespace, room: 'a', event: 'b' }, /"event"/],
      [{ identity: alice, namespace, event: 'say', args: 'x' }, /"args"/],
      [{ identity: { ...alice, claims: undefined, scheme: '' }, namespace }, /"identity"/],
      [{ identity: { scheme: 'key', issuer: 'i', subject: 's' }, namespace }, /"identity"/],
      [{ identity: { socketId: '' }, namespace }, /"identity"/],
      [{ identity: { ...alice, claims: { f: () => {} } }, namespace }, /"identity.claims"/],
      [{ identity: alice, namespace, event: 'say', args: [() => {}] }, /"args"/],
      [{ decision: 7 }, /"decision"/],
      [{ decision: 'x', room: 'y' }, /"room"/],
      [JSON.parse('{"__proto__":{"decision":"x"},"namespace":"/chat"}'), /"__proto__"|"identity"/],
      [Object.create({ identity: alice, namespace }), /"namespace"/],
    ]
    for (const [question, message] of cases) {
      await expect(auth.explain(question as never)).rejects.toThrow(message)
      await expect(auth.explain(question as never)).rejects.toThrow(TypeError)
    }
  })

  it('an identity in a question is copied: rules cannot change it, nor it them', async () => {
    const given = { ...alice, claims: { ...alice.claims } }
    const { auth } = await chat(
      {},
      { rooms: { 'room:{id}': ({ identity }: RoomRequest) => (Object.isFrozen(identity.claims) ? permit() : deny()) } },
    )
    expect(await auth.explain({ identity: given, namespace: '/chat', room: 'room:1' })).toMatchObject({
      effect: 'permit',
    })
    expect(Object.isFrozen(given.claims)).toBe(false)
  })

  it('options of createAuth: "explain.keep" must be a whole number, and nothing else is one', async () => {
    await expect(chat({ explain: { keep: -1 } })).rejects.toThrow(/"explain.keep"/)
    await expect(chat({ explain: { kept: 1 } })).rejects.toThrow(/"explain.kept"/)
    await expect(chat({ explain: 5 })).rejects.toThrow(/"explain"/)
  })
})
