/** What an outage, or a client that fails on purpose, may do to the log. */

import { expect, it } from 'vitest'
import { createLogs } from '../src/operations/logs.ts'

it('an error that comes a thousand times is one line, and another one is a line of its own', () => {
  const lines: Record<string, unknown>[] = []
  const logs = createLogs(
    { level: 'info', decisions: 'denied' },
    { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  )
  for (let i = 0; i < 1_000; i++) {
    logs.error(new Error('the back end answered with status 500'), 'events.ask of /chat')
    logs.error(Object.assign(new Error(`secret ${i}`), { code: 'ECONNREFUSED' }), 'redis')
  }
  expect(lines.map(({ where, reason, message }) => [where, reason, message])).toEqual([
    ['events.ask of /chat', 'Error', 'the back end answered with status 500'],
    ['redis', 'ECONNREFUSED', undefined],
  ])
})
