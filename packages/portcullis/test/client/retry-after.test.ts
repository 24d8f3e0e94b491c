import { expect, test } from 'vitest'
import { retryPlan } from '../../src/client/retry-plan.ts'
import { authorized, bareServer, bodyOf, connected, heard } from './bare-server.ts'

const told = (retryAfterMs: unknown) => ({ ...bodyOf('AUTH_UNAVAILABLE'), retryAfterMs }) as never

test('whoever is told when to come back comes back then, and up to a quarter later', () => {
  expect(retryPlan(() => 0).next(told(400))).toEqual({ step: 'wait', delayMs: 400 })
  expect(retryPlan(() => 1).next(told(400))).toEqual({ step: 'wait', delayMs: 500 })
})

test('whoever is sent away again waits longer, and never less than it was told', () => {
  const plan = retryPlan(() => 0)
  const delays = [400, 400, 60_000, 400].map((ms) => (plan.next(told(ms)) as { delayMs: number }).delayMs)
  expect(delays).toEqual([400, 2_000, 60_000, 8_000])
})

test('a connection that is closed with a hint is made again after it', async () => {
  const { io, url } = await bareServer()
  const subject = authorized(url)
  const serverSocket = await connected(subject, io)
  await subject.clock.advance(2_000)
  const closed = heard(subject.auth, 'closed')
  serverSocket.emit('auth:closed', told(400))
  serverSocket.conn.close()
  expect(await closed).toMatchObject({ retryAfterMs: 400, willRetry: true })
  expect(subject.auth.state).toBe('waiting')
  await subject.clock.advance(399)
  expect(subject.auth.state).toBe('waiting')
  const again = heard(subject.auth, 'connected')
  await subject.clock.advance(1)
  await again
})

test.each([[-1], ['soon'], [Number.NaN], [undefined], [null]])('a hint of %s is none', async (hint) => {
  const { io, url } = await bareServer()
  const subject = authorized(url)
  const serverSocket = await connected(subject, io)
  const closed = heard(subject.auth, 'closed')
  serverSocket.emit('auth:closed', told(hint))
  serverSocket.conn.close()
  expect(Object.keys(await closed)).not.toContain('retryAfterMs')
})

test('nobody waits longer than five minutes, whatever a server says', async () => {
  const { io, url } = await bareServer()
  const subject = authorized(url)
  const serverSocket = await connected(subject, io)
  const closed = heard(subject.auth, 'closed')
  serverSocket.emit('auth:closed', told(1e12))
  serverSocket.conn.close()
  expect(await closed).toMatchObject({ retryAfterMs: 300_000 })
})
