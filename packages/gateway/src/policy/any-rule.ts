/** Rules of the file, wherever they stand. */

import type { Identity, Rule } from 'portcullis'
import type { SqlPool } from './sql.ts'

/** What any rule may be told; each place knows its own part of it. */
export interface AnyRequest {
  readonly identity: Identity
  readonly namespace: string
  readonly params?: Readonly<Record<string, string>>
  readonly args?: readonly unknown[]
  readonly room?: string
  readonly event?: string
}
export type AnyRule = Rule<AnyRequest>

/** Where a condition stands, which says what it may name. */
export type Place = 'connect' | 'room' | 'event' | 'presence'

/** What conditions ask. Each is null when the file does not configure it; the file is refused when it is needed. */
export interface Means {
  readonly pool: SqlPool | null
  /** A rule for a signed grant. */
  readonly signed: AnyRule | null
  /** A rule that asks the backend, by place. */
  readonly hook: ((place: Place) => AnyRule) | null
}

/** A rule, and how the table of `check` tells it. */
export interface ConditionRule {
  readonly rule: AnyRule
  readonly text: string
  /** The parts of `all` and `any`. */
  readonly parts: readonly ConditionRule[]
}
