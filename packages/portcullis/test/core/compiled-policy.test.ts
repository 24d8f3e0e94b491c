import { describe, expect, it } from 'vitest'
import { compilePolicy } from '../../src/core/compiled-policy.ts'
import { permit } from '../../src/core/decision.ts'
import type { Identity } from '../../src/core/identity.ts'
import type { Policy } from '../../src/core/policy.ts'

const rule = () => permit()
const args = { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } }
const compile = (policy: unknown) => compilePolicy('/chat', policy as Policy<Identity, Record<string, never>, never>)

describe('compilePolicy', () => {
  it('leaves closed what is left out', () => {
    const compiled = compile({ events: {} })
    expect(compiled).toEqual({ connect: null, events: new Map(), rooms: [], memberships: null })
  })

  it('keeps each rule under its event, and names it for the audit log and for errors', () => {
    const memberships = () => []
    const compiled = compile({
      connect: rule,
      events: { 'news:read': rule, 'news:write': { args, rule } },
      rooms: { 'org:{org}': rule },
      memberships,
    })
    expect([...compiled.events]).toEqual([
      [
        'news:read',
        { event: 'news:read', name: 'events.news:read', where: 'events.news:read of /chat', rule, args: null },
      ],
      [
        'news:write',
        { event: 'news:write', name: 'events.news:write', where: 'events.news:write of /chat', rule, args },
      ],
    ])
    expect(compiled.rooms).toEqual([
      { name: 'rooms.org:{org}', where: 'rooms.org:{org} of /chat', pattern: expect.any(Object), rule },
    ])
    expect(compiled.rooms[0]?.pattern.match('org:acme')).toEqual({ org: 'acme' })
    expect([compiled.connect, compiled.memberships]).toEqual([rule, memberships])
  })

  it('takes a schema that is a function, as some libraries have', () => {
    const schema = Object.assign(() => {}, args)
    expect(compile({ events: { a: { args: schema, rule } } }).events.get('a')?.args).toBe(schema)
  })

  it.each<[string, unknown, string]>([
    ['null', null, 'must be an object'],
    ['text', 'permit', 'must be an object'],
    ['a function', rule, 'must be an object'],
    ['an option that is not known', { events: {}, event: {} }, '"event" is not an option of a policy'],
    ['no events', {}, '"events" must be an object with one rule for each client event ({} for none)'],
    ['events that are null', { events: null }, '"events" must be an object'],
    ['events in a list', { events: [] }, '"events" must be an object'],
    ['events that are a function', { events: rule }, '"events" must be an object'],
    ['a connect that is no rule', { events: {}, connect: true }, '"connect" must be a function'],
    ['a connect that is null', { events: {}, connect: null }, '"connect" must be a function'],
    ['memberships that are a list', { events: {}, memberships: [] }, '"memberships" must be a function'],
    ['rooms in a list', { events: {}, rooms: [] }, '"rooms" must be an object with one rule for each pattern'],
    ['rooms that are null', { events: {}, rooms: null }, '"rooms" must be an object'],
    ['rooms that are text', { events: {}, rooms: 'all' }, '"rooms" must be an object'],
    ['a room without a rule', { events: {}, rooms: { lobby: true } }, '"rooms.lobby" must be a function'],
    ['a reserved event', { events: { 'auth:join': rule } }, '"events.auth:join" uses the reserved prefix "auth:"'],
    ['an event that is true', { events: { a: true } }, '"events.a" must be a function or { args, rule }'],
    ['an event that is null', { events: { a: null } }, '"events.a" must be a function or { args, rule }'],
    ['an event in a list', { events: { a: [rule] } }, '"events.a" must be a function or { args, rule }'],
    ['a schema alone', { events: { a: { args } } }, '"events.a" must be a function or { args, rule }'],
    ['no schema', { events: { a: { rule } } }, '"events.a.args" must be a Standard Schema for the tuple of arguments'],
    ['a schema that is null', { events: { a: { rule, args: null } } }, '"events.a.args" must be a Standard Schema'],
    ['another schema', { events: { a: { rule, args: { parse: rule } } } }, '"events.a.args" must be a Standard Schema'],
    ['one that checks nothing', { events: { a: { rule, args: { '~standard': {} } } } }, '"events.a.args" must be a'],
  ])('refuses %s at the start, naming namespace and option', (_what, policy, message) => {
    expect(() => compile(policy)).toThrow(TypeError)
    expect(() => compile(policy)).toThrow(message)
    expect(() => compile(policy)).toThrow(/^policy of "\/chat"/)
  })

  it.each(['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener'])(
    'refuses a rule for %s, which would never be asked',
    (event) =>
      expect(() => compile({ events: { [event]: rule } })).toThrow(
        `"events.${event}" names an event that Socket.IO never receives from a client`,
      ),
  )

  it('refuses a pattern that is none, quoting it', () => {
    expect(() => compile({ events: {}, rooms: { '{id}': rule } })).toThrow('room pattern "{id}"')
  })
})
