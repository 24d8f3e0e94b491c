/** Spans by the API of OpenTelemetry. */

import { ProxyTracerProvider, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { AuditEvent } from 'portcullis'
import { afterEach, expect, it } from 'vitest'
import { createTelemetry } from '../src/operations/telemetry.ts'

afterEach(() => trace.disable())

const EVENT: AuditEvent = {
  id: 'node-1',
  at: 1_800_000_000.5,
  stage: 'join',
  namespace: '/news',
  room: 'organization.7',
  identity: { scheme: 'jwt', issuer: 'https://id.example', subject: 'user-42' },
  effect: 'deny',
  code: 'AUTH_UNAVAILABLE',
  rule: 'rooms.organization.{id}',
  tookUs: 2_000,
}

it('a decision is a span of the time that it took, with its rule and code, and without whom it was about', () => {
  const seen: unknown[] = []
  const span = {
    isRecording: () => true,
    setAttributes: (attributes: object) => void seen.push(attributes),
    setStatus: (status: object) => void seen.push(status),
    end: (at: number) => void seen.push(at),
  } as unknown as Span
  const tracer = {
    startSpan(name: string, options: { startTime: number }) {
      seen.push(name, options.startTime)
      return span
    },
  } as unknown as Tracer
  trace.setGlobalTracerProvider({ getTracer: () => tracer })
  createTelemetry()(EVENT)
  expect(seen).toEqual([
    'portcullis.join',
    1_800_000_000_498,
    expect.objectContaining({
      'portcullis.rule': EVENT.rule,
      'portcullis.code': EVENT.code,
      'portcullis.room': EVENT.room,
    }),
    { code: SpanStatusCode.ERROR, message: EVENT.code },
    1_800_000_000_500,
  ])
  expect(JSON.stringify(seen)).not.toContain('user-42')
})

it('without an SDK nothing is recorded, and nothing fails', () => {
  expect(trace.getTracerProvider()).toBeInstanceOf(ProxyTracerProvider)
  expect(() => createTelemetry()(EVENT)).not.toThrow()
})
