import type { AuditEvent } from 'portcullis'
import { expect, it } from 'vitest'
import { createMetrics } from '../src/operations/metrics.ts'

it('D09: counts the refusals that were too many to be written down', async () => {
  const metrics = createMetrics({
    sockets: () => ({}),
    state: () => 'fresh',
    counters: () => ({}),
    isProtected: () => true,
  })
  const denied: AuditEvent = {
    id: 'node-1',
    at: 1_800_000_000,
    stage: 'event',
    namespace: '/chat',
    identity: null,
    effect: 'deny',
    code: 'AUTH_FORBIDDEN',
    rule: 'events',
    tookUs: 7,
  }
  metrics.record(denied)
  metrics.record({ ...denied, suppressed: 41 })
  const text = await metrics.text()
  expect(text).toMatch(/^portcullis_suppressed_decisions_total 41$/m)
  expect(text).toMatch(/^portcullis_decisions_total\{.*code="AUTH_FORBIDDEN".*\} 2$/m)
})
