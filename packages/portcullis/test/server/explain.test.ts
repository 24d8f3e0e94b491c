import { type Explanation, permit } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { outcome } from '../harness.ts'
import { chat, codeOf, IDENTITIES, ISSUER, soon } from './explain-fixtures.ts'

const { alice } = IDENTITIES

/** What was asked, and how it came out. */
function asked({ steps }: Explanation) {
  return steps.map(({ rule, effect }) => `${rule} ${effect}`)
}

describe('auth.explain({ identity, namespace })', () => {
  it('asks what a connect is asked, in its order, and names the rooms that follow', async () => {
    const { auth } = await chat()
    const explanation = await auth.explain({ identity: alice, namespace: '/chat' })
    expect(explanation).toMatchObject({ effect: 'permit', code: null, rule: 'connect', decision: null })
    expect(explanation.identity).toEqual({ scheme: 'key', issuer: ISSUER, subject: 'alice' })
    expect(asked(explanation)).toEqual([
      'namespace permit',
      'node permit',
      'lease permit',
      'revocation permit',
      'connect permit',
      'memberships permit',
    ])
    expect(explanation.notes.join()).toContain('user:alice')
  })

  it('stops at the connect rule that denies, with its code', async () => {
    const { auth } = await chat()
    const banned = { ...alice, claims: { org: 'banned', scope: '' } }
    const explanation = await auth.explain({ identity: banned, namespace: '/chat', room: 'org:banned' })
    expect(explanation).toMatchObject({ effect: 'deny', code: 'AUTH_INSUFFICIENT_SCOPE', rule: 'connect' })
    expect(asked(explanation).at(-1)).toBe('connect deny')
  })

  it('memberships that throw refuse the connect with AUTH_ERROR, and are the last step', async () => {
    const { auth, errors } = await chat({}, { memberships: () => Promise.reject(new Error('no database')) })
    const explanation = await auth.explain({ identity: alice, namespace: '/chat' })
    expect(explanation).toMatchObject({ effect: 'deny', code: 'AUTH_ERROR', rule: 'memberships' })
    expect(explanation.steps.at(-1)).toMatchObject({ rule: 'memberships', code: 'AUTH_ERROR', reason: 'threw' })
    expect(errors).toMatchObject([{ where: 'explain: memberships of /chat' }])
  })

  it('a namespace without a policy is closed, whether it exists or not', async () => {
    const { auth, io } = await chat()
    io.of('/open')
    for (const namespace of ['/open', '/nowhere', '__proto__']) {
      const explanation = await auth.explain({ identity: alice, namespace })
      expect(explanation).toMatchObject({ effect: 'deny', code: 'AUTH_FORBIDDEN', rule: 'namespace' })
      expect(asked(explanation)).toEqual(['namespace deny'])
    }
    expect(io._nsps.has('/nowhere')).toBe(false)
  })

  it('a principal that is blocked is denied by the revocation, and one whose older credentials are dead is told of in a note', async () => {
    const { auth } = await chat()
    await auth.revoke({ issuer: ISSUER, subject: 'alice' })
    const revoked = await auth.explain({ identity: alice, namespace: '/chat' })
    expect(revoked).toMatchObject({ effect: 'permit' })
    expect(revoked.notes.join()).toMatch(/issued before \d+.* are revoked/)
    const until = Date.now() / 1000 + 60
    await auth.revoke({ issuer: ISSUER, subject: 'alice' }, { issuedBefore: until, until })
    const blocked = await auth.explain({ identity: alice, namespace: '/chat', room: 'org:acme' })
    expect(blocked).toMatchObject({ effect: 'deny', code: 'AUTH_REVOKED', rule: 'revocation' })
  })

  it('a node that was closed permits nobody: AUTH_UNAVAILABLE by the node', async () => {
    const { auth } = await chat()
    await auth.close()
    const explanation = await auth.explain({ identity: alice, namespace: '/chat' })
    expect(explanation).toMatchObject({ effect: 'deny', code: 'AUTH_UNAVAILABLE', rule: 'node' })
  })
})

describe('auth.explain about a socket', () => {
  it('agrees with the gates about every room and event, of both sockets', async () => {
    const { auth, enter } = await chat()
    const rooms = [
      'org:acme',
      'org:globex',
      'org:acme:one',
      'org:acme:closed',
      'past:1',
      'nothing',
      'auth:x',
      'a b',
      '',
    ]
    const events = [
      ['say', 'hi'],
      ['say', 'far too long to say'],
      ['say', 7],
      ['read'],
      ['never'],
      ['constructor'],
    ] as const
    for (const token of ['alice-key', 'bob-key']) {
      const { socket, id } = await enter(token)
      for (const room of [...rooms, id]) {
        const { code } = await auth.explain({ identity: { socketId: id }, namespace: '/chat', room })
        expect([room, code]).toEqual([room, codeOf(await socket.emitWithAck('auth:join', room))])
        await socket.emitWithAck('auth:leave', room)
      }
      for (const [event, ...args] of events) {
        const { code } = await auth.explain({ identity: { socketId: id }, namespace: '/chat', event, args })
        expect([event, code]).toEqual([event, codeOf(await socket.emitWithAck(event, ...args))])
      }
    }
  })

  it('every pattern is told of in order: none where it does not match, and the first denial ends it', async () => {
    const { auth, enter } = await chat()
    const { id } = await enter('alice-key')
    const about = { identity: { socketId: id }, namespace: '/chat' }
    const open = await auth.explain({ ...about, room: 'org:acme:one' })
    expect(open).toMatchObject({ effect: 'permit', rule: 'rooms.org:acme:{room}' })
    expect(asked(open)).toEqual([
      'namespace permit',
      'authority permit',
      'node permit',
      'lease permit',
      'rooms.org:{org} none',
      'rooms.org:{org}:{room} permit',
      'rooms.org:acme:{room} permit',
      'rooms.past:{id} none',
      'rooms.shown:{id} none',
      'memberships.room none',
    ])
    const other = await auth.explain({ ...about, room: 'org:globex:one' })
    expect(other).toMatchObject({ effect: 'deny', code: 'AUTH_FORBIDDEN', rule: 'rooms.org:{org}:{room}' })
    const past = await auth.explain({ ...about, room: 'past:1' })
    expect(past.steps.findLast(({ rule }) => rule === 'rooms.past:{id}')).toMatchObject({
      effect: 'deny',
      reason: 'expired',
    })
    const none = await auth.explain({ ...about, room: 'elsewhere' })
    expect(none).toMatchObject({ effect: 'deny', code: 'AUTH_FORBIDDEN', rule: 'rooms' })
  })

  it('a room that follows from memberships is permitted by them, with a note', async () => {
    const { auth, enter } = await chat()
    const { id } = await enter('alice-key')
    for (const identity of [{ socketId: id }, alice]) {
      const explanation = await auth.explain({ identity, namespace: '/chat', room: 'user:alice' })
      expect(explanation).toMatchObject({ effect: 'permit', code: null, rule: 'memberships' })
    }
  })

  it('arguments that are not given are not made up: the schema is left out, with a note', async () => {
    const { auth, enter } = await chat()
    const { id } = await enter('bob-key')
    const about = { identity: { socketId: id }, namespace: '/chat', event: 'say' }
    const without = await auth.explain(about)
    expect(without).toMatchObject({ effect: 'permit', rule: 'events.say' })
    expect(asked(without).slice(-2)).toEqual(['events.say.args none', 'events.say permit'])
    expect(without.notes.join()).toContain('arguments are not known')
    const wrong = await auth.explain({ ...about, args: [{}] })
    expect(wrong).toMatchObject({ effect: 'deny', code: 'AUTH_ARGUMENTS_INVALID', rule: 'events.say.args' })
  })

  it('a principal is looked for among the sockets here; one that is not here is not guessed at', async () => {
    const { auth, enter } = await chat()
    await enter('bob-key')
    const known = await auth.explain({
      identity: { issuer: ISSUER, subject: 'bob' },
      namespace: '/chat',
      event: 'say',
      args: ['x'],
    })
    expect(known).toMatchObject({ effect: 'permit', rule: 'events.say', identity: { scheme: 'key' } })
    const absent = await auth.explain({
      identity: { issuer: ISSUER, subject: 'alice' },
      namespace: '/chat',
      event: 'say',
    })
    expect(absent).toMatchObject({ effect: 'none', code: null, rule: 'identity', identity: null })
    expect(absent.notes).toEqual(['This principal is not connected to this node, so its claims are unknown here.'])
    expect(await auth.explain({ identity: { socketId: 'no' }, namespace: '/chat' })).toMatchObject({ effect: 'none' })
  })

  it('a socket of another namespace would have to connect first', async () => {
    const { auth, enter, io } = await chat()
    auth.protect(io.of('/other'), { connect: () => permit(), events: {}, rooms: { 'r:{id}': () => permit() } } as never)
    const { id } = await enter('alice-key')
    const explanation = await auth.explain({ identity: { socketId: id }, namespace: '/other', room: 'r:1' })
    expect(asked(explanation)).toContain('connect permit')
    expect(explanation).toMatchObject({ effect: 'permit', rule: 'rooms.r:{id}' })
  })

  it('changes nothing: no audit event, no grant, no room, no place under the limit of rooms', async () => {
    const { auth, audit, enter, namespace } = await chat({ limits: { maxRooms: 1 } })
    const { socket, id } = await enter('alice-key')
    audit.length = 0
    for (let i = 0; i < 3; i += 1) {
      for (const room of ['org:acme', 'org:acme:one']) {
        expect(await auth.explain({ identity: { socketId: id }, namespace: '/chat', room })).toMatchObject({
          effect: 'permit',
        })
      }
    }
    expect(audit).toEqual([])
    expect([...(namespace.adapter.sids.get(id) ?? [])].sort()).toEqual([id, 'user:alice'].sort())
    expect(codeOf(await socket.emitWithAck('auth:join', 'org:acme'))).toBeNull()
    const full = await auth.explain({ identity: { socketId: id }, namespace: '/chat', room: 'org:acme:one' })
    expect(full).toMatchObject({ effect: 'deny', code: 'AUTH_RATE_LIMITED', rule: 'rooms' })
    expect(full.steps.find(({ rule }) => rule === 'rooms')).toMatchObject({ reason: 'rooms' })
  })

  it('no claim is in an answer', async () => {
    const { auth, enter, records } = await chat()
    records.set('k', { subject: 'carol', claims: { org: 'secret-org', scope: 'secret-scope' } })
    const { id } = await enter('k')
    const answers = [
      await auth.explain({ identity: { socketId: id }, namespace: '/chat' }),
      await auth.explain({
        identity: { socketId: id },
        namespace: '/chat',
        room: 'org:acme',
        presented: 'secret-grant',
      }),
      await auth.explain({ identity: { socketId: id }, namespace: '/chat', event: 'say', args: ['secret-arg'] }),
    ]
    expect(JSON.stringify(answers)).not.toMatch(/secret/)
  })
})

describe('auth.explain({ decision })', () => {
  it('asks a denied event again, with arguments when they are given', async () => {
    const { auth, audit, enter } = await chat()
    const { socket } = await enter('alice-key')
    await socket.emitWithAck('say', 'hi')
    const event = audit.at(-1)
    const explanation = await auth.explain({ decision: event?.id ?? '', args: ['hi'] })
    expect(explanation).toMatchObject({
      effect: 'deny',
      code: 'AUTH_INSUFFICIENT_SCOPE',
      rule: 'events.say',
      decision: event,
    })
    const blind = await auth.explain({ decision: event?.id ?? '' })
    expect(blind.notes.join()).toContain('arguments are not known')
  })

  it('a join is asked again with what was presented, also when the socket has gone', async () => {
    const { auth, audit, enter } = await chat()
    const { socket } = await enter('alice-key')
    expect(codeOf(await socket.emitWithAck('auth:join', 'shown:1', 'the grant'))).toBeNull()
    const event = audit.at(-1)
    expect(await auth.explain({ decision: event?.id ?? '' })).toMatchObject({
      effect: 'permit',
      rule: 'rooms.shown:{id}',
    })
    socket.disconnect()
    await soon(() => auth.sockets({ issuer: ISSUER, subject: 'alice' })).toEqual([])
    const later = await auth.explain({ decision: event?.id ?? '' })
    expect(later).toMatchObject({ effect: 'permit', rule: 'rooms.shown:{id}', identity: { subject: 'alice' } })
    expect(later.notes[0]).toBe('The socket is no longer connected.')
    expect(JSON.stringify(audit)).not.toContain('the grant')
  })

  it('a join that was refused is explained as a join, also where the room follows from memberships', async () => {
    const { auth, audit, enter } = await chat()
    const { socket } = await enter('alice-key')
    expect(codeOf(await socket.emitWithAck('auth:join', 'user:alice'))).toBe('AUTH_FORBIDDEN')
    const explanation = await auth.explain({ decision: audit.at(-1)?.id ?? '' })
    expect(explanation).toMatchObject({ effect: 'deny', code: 'AUTH_FORBIDDEN', rule: 'rooms' })
    expect(asked(explanation)).not.toContain('memberships.room permit')
  })

  it('a connect that the rule denied says who it was, and its rule sees the request again', async () => {
    const seen: unknown[] = []
    const connect = ({ handshake }: { handshake: { headers: Record<string, unknown> } }) => {
      seen.push(handshake.headers['x-from'])
      return { effect: 'deny', code: 'AUTH_FORBIDDEN' }
    }
    const { auth, audit, client } = await chat({}, { connect })
    const refused = client('/chat', { auth: { token: 'alice-key' }, extraHeaders: { 'x-from': 'here' } })
    expect(await outcome(refused)).toMatchObject({ code: 'AUTH_FORBIDDEN' })
    const event = audit.at(-1)
    expect(event).toMatchObject({ stage: 'connect', reason: 'connect_rule', identity: { subject: 'alice' } })
    expect(await auth.explain({ decision: event?.id ?? '' })).toMatchObject({ effect: 'deny', rule: 'connect' })
    expect(seen).toEqual(['here', 'here'])
  })

  it('says what has changed since', async () => {
    let open = false
    const { auth, audit, enter } = await chat(
      {},
      { rooms: { 'door:{id}': () => (open ? permit() : { effect: 'deny', code: 'AUTH_FORBIDDEN' }) } },
    )
    const { socket } = await enter('alice-key')
    await socket.emitWithAck('auth:join', 'door:1')
    open = true
    const explanation = await auth.explain({ decision: audit.at(-1)?.id ?? '' })
    expect(explanation).toMatchObject({ effect: 'permit', decision: { effect: 'deny' } })
    expect(explanation.notes.at(-1)).toBe('Then it was AUTH_FORBIDDEN, by rooms.door:{id}; now it would be a permit.')
  })

  it('what no rule was asked about is answered as it was written down', async () => {
    const { auth, audit, client } = await chat()
    expect(await outcome(client('/chat', { auth: { token: 'wrong' } }))).toMatchObject({
      code: 'AUTH_CREDENTIAL_INVALID',
    })
    const event = audit.at(-1)
    const explanation = await auth.explain({ decision: event?.id ?? '' })
    expect(explanation).toMatchObject({
      effect: 'deny',
      code: 'AUTH_CREDENTIAL_INVALID',
      identity: null,
      decision: event,
    })
    expect(explanation.steps).toMatchObject([{ rule: 'connect', reason: 'unknown_key' }])
  })

  it('the end of an authority is answered as it was written down', async () => {
    const { auth, audit, enter } = await chat()
    await enter('alice-key')
    await auth.revoke({ issuer: ISSUER, subject: 'alice' })
    const event = audit.findLast(({ stage }) => stage === 'revoke')
    const explanation = await auth.explain({ decision: event?.id ?? '' })
    expect(explanation).toMatchObject({
      effect: 'deny',
      code: 'AUTH_REVOKED',
      rule: 'lease',
      identity: { subject: 'alice' },
    })
    expect(explanation.notes).toEqual(['Authority ended here; nobody asked for anything.'])
  })

  it('a draining node says so to whoever would have to connect', async () => {
    const { auth, enter } = await chat()
    await enter('bob-key')
    const drained = auth.drain({ overMs: 60_000 })
    const explanation = await auth.explain({ identity: alice, namespace: '/chat' })
    expect(explanation.notes).toContain('This node is draining: it takes no new connections.')
    await auth.close()
    await drained
  })

  it('remembers the last `keep`, and knows nothing of others', async () => {
    const { auth, audit, enter } = await chat({ explain: { keep: 2 } })
    const { socket } = await enter('alice-key')
    for (let i = 0; i < 3; i += 1) await socket.emitWithAck('read')
    const [third, second, last] = audit.slice(-3)
    expect(await auth.explain({ decision: third?.id ?? '' })).toMatchObject({
      effect: 'none',
      rule: 'decision',
      steps: [],
    })
    expect(await auth.explain({ decision: second?.id ?? '' })).toMatchObject({ effect: 'permit' })
    expect(await auth.explain({ decision: last?.id ?? '' })).toMatchObject({ effect: 'permit' })
    const forgetful = await chat({ explain: { keep: 0 } })
    await forgetful.enter('alice-key')
    const id = forgetful.audit.at(-1)?.id ?? ''
    expect(await forgetful.auth.explain({ decision: id })).toMatchObject({ effect: 'none' })
  })
})
