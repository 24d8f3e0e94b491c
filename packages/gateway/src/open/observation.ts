/** What is kept and counted of the decisions of a gateway. */

import { type AuditSink, type DecisionLog, decisionLog, type ShadowDifference, type Status } from 'portcullis'
import { type ShadowLog, shadowLog } from 'portcullis-inspector'
import type { Config } from '../config/schema.ts'
import type { EmitterStats } from '../emitters/index.ts'
import type { Logs } from '../operations/logs.ts'
import { createMetrics, type Metrics } from '../operations/metrics.ts'
import { createTelemetry } from '../operations/telemetry.ts'

/** Where figures are read when somebody asks for them. */
export interface Observed {
  readonly logs: Logs
  readonly isProtected: (namespace: string) => boolean
  readonly status: () => Status
  /** Null where there are none. */
  readonly emitters: () => EmitterStats | null
}

/** One sink for everybody who wants to know. */
export interface Observation {
  readonly audit: AuditSink
  readonly decisions: DecisionLog
  readonly differences: ShadowLog
  readonly metrics: Metrics
  readonly onDifference: (difference: ShadowDifference) => void
}

export function createObservation({ decisions: { keep } }: Config, observed: Observed): Observation {
  const decisions = decisionLog({ capacity: keep })
  const differences = shadowLog()
  const traced = createTelemetry()
  let differing = 0
  const metrics = createMetrics({
    isProtected: observed.isProtected,
    sockets: () => observed.status().namespaces,
    state: () => observed.status().state,
    counters() {
      const emitters = observed.emitters()
      return {
        decisions_dropped: decisions.dropped,
        shadow_differences: differing,
        ...(emitters === null
          ? {}
          : { emitter_messages: emitters.received, emitter_refusals: sumOf(emitters.refused) }),
      }
    },
  })
  return {
    decisions,
    differences,
    metrics,
    audit(event) {
      decisions.sink(event)
      metrics.record(event)
      traced(event)
      observed.logs.decision(event)
    },
    onDifference(difference) {
      differing += 1
      differences.onDifference(difference)
    },
  }
}

function sumOf(counts: Readonly<Partial<Record<string, number>>>): number {
  return Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0)
}
