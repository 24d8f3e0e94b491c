/** One operation of the control API, as data: its route, what it takes, and a function. */

import type { Caller, Permission } from './caller.ts'

/** An authenticated request. */
export interface OperationRequest {
  readonly caller: Caller
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown
  readonly query: URLSearchParams
  readonly params: Readonly<Record<string, unknown>>
}

/** What an operation answers: JSON, or text of a media type. */
export interface OperationAnswer {
  readonly status: number
  readonly body: object | string
}

/** One route. */
export interface Operation {
  /** `operationId` of the OpenAPI document, and the word of audit logs. */
  readonly id: string
  readonly method: 'get' | 'post'
  /** Below `/v1`, as Express writes it. */
  readonly path: string
  /** Null: any credential will do. */
  readonly permission: Permission | null
  /** Whether there is an effect, to be had once for each `Idempotency-Key`. */
  readonly effect: boolean
  /** Whether it reads the query. Elsewhere a query is refused. */
  readonly takesQuery?: true
  run(request: OperationRequest): Promise<OperationAnswer>
}
