/** Metrics for Prometheus: decisions by code, rule and strategy, how long they took, and who is connected. */

import type { AuditEvent } from 'portcullis'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What is read when the metrics are asked for. */
export interface MetricSources {
  /** Whether a namespace is under a policy: only these become labels. */
  readonly isProtected: (namespace: string) => boolean
  /** Connected sockets of this node by namespace. */
  readonly sockets: () => Readonly<Record<string, number>>
  readonly state: () => string
  /** Counters of the parts, by metric name without prefix: `emitters_received`, `decisions_dropped`. They only grow. */
  readonly counters: () => Readonly<Record<string, number>>
}

let ofProcess: Registry | null = null

/** Node's own, once for a process: what observes its garbage collector cannot be taken away again. */
function processMetrics(): Registry {
  if (ofProcess === null) {
    ofProcess = new Registry()
    collectDefaultMetrics({ register: ofProcess })
  }
  return ofProcess
}

/** A registry of its own: several gateways in a process share nothing but what is the process's. */
export interface Metrics {
  readonly contentType: string
  /** Counts one decision. */
  record(event: AuditEvent): void
  text(): Promise<string>
}

const STATES = ['starting', 'fresh', 'suspended', 'draining', 'closed'] as const
/** From 50 µs, which a rule in memory takes, to 5 s, where everything has timed out. */
const BUCKETS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const decisions = new Counter({
    name: 'portcullis_decisions_total',
    help: 'Decisions, by stage, effect, code, rule, strategy and namespace.',
    labelNames: ['stage', 'effect', 'code', 'rule', 'scheme', 'namespace'] as const,
    registers,
  })
  const suppressed = new Counter({
    name: 'portcullis_suppressed_decisions_total',
    help: 'Refusals that are in no log and no other metric, since their sockets were refused too often.',
    registers,
  })
  const took = new Histogram({
    name: 'portcullis_decision_seconds',
    help: 'How long a decision took, by stage.',
    labelNames: ['stage', 'effect'] as const,
    buckets: BUCKETS,
    registers,
  })
  new Gauge({
    name: 'portcullis_sockets',
    help: 'Connected sockets of this node, by namespace.',
    labelNames: ['namespace'] as const,
    registers,
    collect() {
      this.reset()
      for (const [namespace, count] of Object.entries(sources.sockets())) this.set({ namespace }, count)
    },
  })
  new Gauge({
    name: 'portcullis_state',
    help: 'The state of this node: 1 for the one it is in.',
    labelNames: ['state'] as const,
    registers,
    collect() {
      const now = sources.state()
      for (const state of STATES) this.set({ state }, state === now ? 1 : 0)
    },
  })
  const parts = new Map<string, Counter<string>>()
  const seen = new Map<string, number>()

  /** prom-client's counters grow by what is added: the growth since the last time. */
  function collectParts(): void {
    for (const [name, value] of Object.entries(sources.counters())) {
      let counter = parts.get(name)
      if (counter === undefined) {
        counter = new Counter({
          name: `portcullis_${name}_total`,
          help: `What the gateway counted as ${name}.`,
          registers,
        })
        parts.set(name, counter)
      }
      const grown = value - (seen.get(name) ?? 0)
      seen.set(name, value)
      if (grown > 0) counter.inc(grown)
    }
  }

  return {
    contentType: registry.contentType,
    record({ stage, effect, code, rule, identity, namespace, suppressed: unwritten = 0, tookUs }) {
      decisions.inc({
        stage,
        effect,
        code: code ?? '',
        rule,
        scheme: identity?.scheme ?? '',
        // A client may ask for any name: only those of the policy are told apart.
        namespace: namespace === null ? '' : sources.isProtected(namespace) ? namespace : 'other',
      })
      took.observe({ stage, effect }, tookUs / 1_000_000)
      if (unwritten > 0) suppressed.inc(unwritten)
    },
    text() {
      collectParts()
      return Registry.merge([registry, processMetrics()]).metrics()
    },
  }
}
