/** `portcullis-inspector`: the page that shows what Portcullis decides. */

export { createInspector, type Inspector } from './create-inspector.ts'
export type { InspectorRequest } from './http.ts'
export type { Operator } from './operator.ts'
export { hashPassword } from './password-hash.ts'
export type { Authenticate, InspectorOptions, InspectorUser } from './settings.ts'
export { type ShadowLog, shadowLog } from './shadow-log.ts'
export type {
  Asker,
  ConnectionInfo,
  ConnectionsPage,
  ConnectionsQuery,
  DecisionBatch,
  DecisionEvent,
  DecisionFilter,
  Decisions,
  Explanation,
  InspectorSource,
  Member,
  Members,
  NodeCondition,
  NodeLine,
  Overview,
  Principal,
  ReceiptInfo,
  RevokeChoice,
  RoomHold,
  Shadow,
  ShadowBatch,
  ShadowDifference,
  Step,
  Verdict,
} from './source.ts'
export { type OperatorAct, type SourceOptions, sourceOf } from './source-of.ts'
