import { createAuth, permit } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { afterTest } from '../cleanups.ts'
import { keys } from '../harness.ts'
import { connect, enter, type Line, server, settled } from './line.ts'

/** Events that hold nothing: Socket.IO's own parser reads these, with no data at all. `npm run fuzz` found them. */
const EMPTY = [['2/chat,'], ['2/chat,7'], ['2/chat'], ['51-/chat,', Buffer.from([1])], ['51-/chat,7', Buffer.from([1])]]

async function start(deferMs?: number) {
  const io = server()
  const guard = createAuth({
    origins: ['https://app.example'],
    strategies: [keys(new Map([['alice-key', { subject: 'alice' }]]))],
    audit: () => {},
    ...(deferMs === undefined ? {} : { deferMs }),
  })
  afterTest(() => guard.close())
  const seen: unknown[] = []
  guard.protect(io.of('/chat'), { events: { say: () => permit() } } as never).on('connection', (socket) => {
    socket.onAny((...event) => seen.push(event))
  })
  return { io, seen }
}

/** What a connection that has sent these frames is told of them. */
async function answers(line: Line, frames: readonly (string | Uint8Array)[]): Promise<string[]> {
  const before = line.sent.length
  for (const frame of frames) line.receive(frame)
  await settled()
  return line.sent.slice(before).map(String)
}

describe('D01: an event without a name', () => {
  it.each(EMPTY)('%j is refused with AUTH_FORBIDDEN, and the server goes on', async (...frames) => {
    const { io, seen } = await start()
    const line = await connect(io)
    await enter(line, '/chat', { token: 'alice-key' })
    const [answer = ''] = await answers(line, frames)
    expect(answer).toContain('AUTH_FORBIDDEN')
    expect(answer).toMatch(String(frames[0]).endsWith('7') ? /^3\/chat,7\[/ : /^2\/chat,\["auth:denied",.*"event":""/)
    expect(seen).toEqual([])
    await answers(line, ['2/chat,["say",1]'])
    expect(seen).toEqual([['say', 1]])
  })

  it.each(EMPTY)(
    '%j is refused with AUTH_CREDENTIAL_MISSING before a deferred connect has shown anything',
    async (...frames) => {
      const { io, seen } = await start(1_000)
      const line = await connect(io)
      await enter(line, '/chat', {})
      const [answer = ''] = await answers(line, frames)
      expect(answer).toContain('AUTH_CREDENTIAL_MISSING')
      expect([seen, line.isOpen()]).toEqual([[], true])
    },
  )
})
