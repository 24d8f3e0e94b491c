import { AuthError } from 'portcullis'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { gate, next } from '../harness.ts'
import { closing, type Rules, turns, WRITER, watched } from './revalidation-fixtures.ts'

describe('while a question is under way', () => {
  async function asking(rules: Rules = {}) {
    const server = await watched({}, rules)
    const { enter, pass, asked, store, logins, lookAt } = server
    const { promise, open } = gate()
    const socket = await enter('s1')
    // Asked before, and answered after, whatever the test does in between.
    store.instead = async (handles) => {
      const answers = handles.map(lookAt)
      await promise
      return answers
    }
    const begin = async () => {
      while (asked.length === 0) await pass(1)
    }
    const finish = async () => {
      store.instead = null
      open()
      await turns()
    }
    return { ...server, socket, begin, finish, logins }
  }

  it('R08: a revocation wins', async () => {
    const { socket, begin, finish, auth, chat, errors } = await asking()
    const { closed } = closing(socket)
    await begin()
    await auth.revoke({ issuer: 'sessions', subject: 'alice' })
    await finish()
    expect(await closed).toBe('AUTH_REVOKED')
    expect([chat.sockets.size, errors]).toEqual([0, []])
  })

  it('a socket that leaves is left alone, and nothing of it is kept', async () => {
    const { socket, begin, finish, chat, errors, time, asked } = await asking()
    await begin()
    const gone = next(chat.sockets.get(socket.id as string) as never, 'disconnect')
    socket.disconnect()
    await gone
    await finish()
    expect([errors, asked.length]).toEqual([[], 1])
    time.advance(60_000)
    expect([asked.length, time.pending()]).toEqual([1, 0])
  })

  it('a socket of the same session that connects is not judged by what was found before', async () => {
    const { begin, finish, logins, enter, chat, pass } = await asking()
    logins.delete('s1')
    await begin()
    const late = await enter('s1')
    await finish()
    expect([...chat.sockets.keys()]).toEqual([late.id])
    await pass(30)
    expect(chat.sockets.size).toBe(1)
  })

  it('R06: a socket that is refreshed keeps what it got, and is asked for by what it showed last', async () => {
    const { socket, begin, finish, logins, asked, pass } = await asking()
    const end = closing(socket)
    logins.set('s1', new AuthError('AUTH_CREDENTIAL_INVALID'))
    await begin()
    logins.set('s2', {})
    expect(await socket.emitWithAck('auth:refresh', { sid: 's2' })).toMatchObject({ joined: [], left: [] })
    await finish()
    asked.length = 0
    await pass(30)
    expect([end.code, asked]).toEqual([null, [['s2']]])
  })

  it('R06: a refresh whose rules are slow is not undone by the answer', async () => {
    const rules = gate()
    let slow = 0
    const memberships = async () => {
      if (slow > 0) {
        slow -= 1
        await rules.promise
      }
      return []
    }
    const { socket, begin, finish, logins, chat, judged, pass, asked } = await asking({ memberships })
    logins.set('s1', { claims: { org: 'globex', scope: '' } })
    await begin()
    logins.set('s2', { claims: WRITER })
    slow = 1
    judged.length = 0
    const refreshed = socket.emitWithAck('auth:refresh', { sid: 's2' })
    await expect.poll(() => judged).toContain('memberships')
    await finish()
    rules.open()
    await refreshed
    await turns()
    expect(chat.sockets.get(socket.id as string)?.data.identity.claims).toEqual(WRITER)
    asked.length = 0
    await pass(30)
    expect(asked).toEqual([['s2']])
  })

  it('a socket that leaves while its rules are asked is not said to have been ended', async () => {
    const rules = gate()
    let slow = false
    const memberships = async () => {
      if (slow) await rules.promise
      return []
    }
    const { socket, begin, finish, logins, chat, audit, errors } = await asking({ memberships })
    logins.set('s1', { claims: WRITER })
    await begin()
    slow = true
    await finish()
    socket.disconnect()
    await expect.poll(() => chat.sockets.size).toBe(0)
    rules.open()
    await turns()
    expect([audit.filter(({ effect }) => effect === 'deny'), errors]).toEqual([[], []])
  })

  it('R06: also when it showed the same again', async () => {
    const { socket, begin, finish, logins, asked, pass } = await asking()
    const end = closing(socket)
    logins.delete('s1')
    await begin()
    logins.set('s1', {})
    await socket.emitWithAck('auth:refresh', { sid: 's1' })
    await finish()
    asked.length = 0
    await pass(30)
    expect([end.code, asked]).toEqual([null, [['s1']]])
  })

  it('R06: also when somebody else is looked at by that already', async () => {
    const { socket, begin, finish, enter, asked, pass } = await asking()
    await enter('s2')
    await begin()
    await socket.emitWithAck('auth:refresh', { sid: 's2' })
    await finish()
    asked.length = 0
    await pass(30)
    expect([...new Set(asked.flat())]).toEqual(['s2'])
  })

  it('nobody is asked for who has gone while he waited for his turn', async () => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0)
    onTestFinished(() => random.mockRestore())
    const { socket, begin, finish, enter, asked, pass, chat } = await asking()
    await begin()
    const waiting = await enter('s2')
    await pass(4)
    socket.disconnect()
    waiting.disconnect()
    await expect.poll(() => chat.sockets.size).toBe(0)
    await finish()
    await pass(60)
    expect(asked).toEqual([['s1']])
  })

  it('R06: and no longer at all, when it showed what cannot be looked at again', async () => {
    const { socket, begin, finish, logins, asked, pass } = await asking()
    logins.set('s2', { handle: null })
    await begin()
    await socket.emitWithAck('auth:refresh', { sid: 's2' })
    await finish()
    asked.length = 0
    await pass(60)
    expect([asked, socket.connected]).toEqual([[], true])
  })

  it('the guard may be closed', async () => {
    const { socket, begin, finish, auth, time } = await asking()
    const { closed } = closing(socket)
    await begin()
    await auth.close()
    await finish()
    expect(await closed).toBe('AUTH_UNAVAILABLE')
    time.advance(10_000)
    expect(time.pending()).toBe(0)
  })
})
