/** Rows of the threat catalogue that are about what a file permits: roles, and rooms that one may read and not write. */

import type { Identity } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { conditionRule } from '../src/policy/condition-rule.ts'
import { connect, openOn, until } from './opened.ts'

describe('A21: `"admin" in identity.claims.roles`', () => {
  const { rule } = conditionRule('"admin" in identity.claims.roles', 'room', { pool: null, signed: null, hook: null })
  const decide = async (roles: unknown) => {
    const identity: Identity = { scheme: 'jwt', issuer: 'https://id.example', subject: 's', claims: { roles } as never }
    try {
      return (await rule({ identity, namespace: '/', room: 'r', params: {} })).effect
    } catch {
      return 'undecided'
    }
  }

  it.each([
    ['a string that contains it', 'superadmin'],
    ['the word as a string', 'admin'],
    ['a list of a longer one', ['superadmin']],
    ['a list of two words in one', ['user admin']],
    ['a list in a list', [['admin']]],
    ['a list with another case', ['Admin']],
    ['a number', 1],
    ['null', null],
    ['nothing', undefined],
  ])('does not permit %s', async (_name, roles) => {
    expect(await decide(roles)).toBeOneOf(['deny', 'undecided'])
  })

  it('permits a list of strings with that role', async () => {
    expect(await decide(['user', 'admin'])).toBe('permit')
  })
})

const FILE = `namespaces:
  /chat:
    connect: true
    memberships: { cel: '["news"]' }
    rooms: { "side.{name}": { allow: true } }
    events:
      publish: { allow: identity.claims.role == "editor", to: { room: '"news"' } }
      whisper: { allow: true, to: { room: "args[0]" } }
`

describe('A23: a room that one is in by the file', () => {
  it('is spoken to by the events whose own condition permits it, and by nothing else', async () => {
    const opened = await openOn(FILE)
    const reader = await connect(opened, '/chat', 'reader', { role: 'none' })
    const editor = await connect(opened, '/chat', 'editor', { role: 'editor' })
    const heard: unknown[] = []
    reader.onAny((event: string, ...args: unknown[]) => heard.push([event, ...args]))
    editor.onAny((event: string, ...args: unknown[]) => heard.push([event, ...args]))
    for (const event of ['publish', 'news', 'said', 'message', 'Publish']) {
      expect([event, await reader.emitWithAck(event, 'no')]).toEqual([
        event,
        { error: expect.objectContaining({ code: 'AUTH_FORBIDDEN' }) },
      ])
    }
    // An event that goes where its sender says goes to a room of the sender's own only.
    expect(await reader.emitWithAck('whisper', 'side.a', 'no')).toHaveProperty('error.code', 'AUTH_FORBIDDEN')
    expect(await editor.emitWithAck('publish', 'yes')).toEqual({})
    await until(() => heard.length > 0)
    expect(heard).toEqual([['publish', 'yes']])
  })
})
