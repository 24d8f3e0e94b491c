/** OpenTelemetry through its API: a span for each decision, which costs next to nothing while no SDK is loaded. */

import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import type { AuditEvent } from 'portcullis'

/** Makes a span of a decision, after the fact: it began `tookUs` before it ended. No credential, cookie or claim is in it. */
export function createTelemetry(): (event: AuditEvent) => void {
  const tracer = trace.getTracer('portcullis-gateway')
  return function traceDecision({
    id,
    at,
    stage,
    namespace,
    room,
    event,
    identity,
    effect,
    code,
    rule,
    reason,
    tookUs,
  }) {
    const endMs = at * 1000
    const span = tracer.startSpan(`portcullis.${stage}`, { kind: SpanKind.SERVER, startTime: endMs - tookUs / 1000 })
    if (span.isRecording()) {
      span.setAttributes({
        'portcullis.decision.id': id,
        'portcullis.effect': effect,
        'portcullis.rule': rule,
        ...(code === null ? {} : { 'portcullis.code': code }),
        ...(reason === undefined ? {} : { 'portcullis.reason': reason }),
        ...(namespace === null ? {} : { 'portcullis.namespace': namespace }),
        ...(room === undefined ? {} : { 'portcullis.room': room }),
        ...(event === undefined ? {} : { 'portcullis.event': event }),
        ...(identity === null ? {} : { 'portcullis.scheme': identity.scheme, 'portcullis.issuer': identity.issuer }),
      })
      // A refusal is an answer; that nobody could decide is an error.
      if (code === 'AUTH_UNAVAILABLE' || code === 'AUTH_ERROR')
        span.setStatus({ code: SpanStatusCode.ERROR, message: code })
    }
    span.end(endMs)
  }
}
