/** Portcullis for Socket.IO 4: who may connect, what each connection may join, send and receive, and for how long. */

export type { AuditEvent, AuditSink, AuditStage } from './core/audit.ts'
export type { Clock } from './core/clock.ts'
export type {
  ConnectionInfo,
  ConnectionRoom,
  Connections,
  ConnectionsOptions,
  NodeConnections,
} from './core/connections.ts'
export { type Decision, type Deny, type DenyCode, deny, type Permit, permit, permitIf } from './core/decision.ts'
export type { DecisionFilter, DecisionPage, ReadOptions } from './core/decision-log.ts'
export type { DecisionQuestion, Explained, Explanation, Question, Step, Whom } from './core/explanation.ts'
export type { Connect, CredentialSource, Handshake } from './core/handshake.ts'
export type { Identity } from './core/identity.ts'
export type { Lease } from './core/lease.ts'
export {
  type CheckedEvent,
  type ConnectRequest,
  type EventRequest,
  type EventRule,
  type Policy,
  type RoomRequest,
  type Rule,
  requireScope,
  type ScopedIdentity,
} from './core/policy.ts'
export type {
  NodeReconciliation,
  ReconcileOptions,
  Reconciler,
  ReconcileTarget,
  Reconciliation,
} from './core/reconciliation.ts'
export type { Revocation, RevocationKey } from './core/revocation.ts'
export type {
  Applied,
  Cursor,
  Heartbeat,
  LogListener,
  LogState,
  NodeState,
  ReadEntry,
  RevocationLog,
  Unsubscribe,
} from './core/revocation-log.ts'
export { compileRoomPattern, type ParamsOf, type RoomPattern } from './core/room-pattern.ts'
export type { ShadowCounts, ShadowDifference, ShadowOptions, ShadowVerdict } from './core/shadow.ts'
export type { StandardSchemaV1 } from './core/standard-schema.ts'
export type { Authentication, IdentityOf, Revalidated, Strategy } from './core/strategy.ts'
export type {
  AnyPolicy,
  Auth,
  AuthData,
  AuthOptions,
  ClusterLimits,
  DisconnectOptions,
  Drained,
  DrainOptions,
  KnownNode,
  LeaseSettings,
  Limits,
  LogStatus,
  NodeReceipt,
  NodeStage,
  OnError,
  OriginRequest,
  Origins,
  OriginTest,
  Receipt,
  Reloaded,
  ReloadOptions,
  RevokeOptions,
  SessionInfo,
  Sessions,
  Status,
} from './create-auth.ts'
export { createAuth } from './create-auth.ts'
export { AuthError, type AuthErrorCode, type AuthErrorOptions, CODES } from './errors.ts'
export type {
  DeniedNotice,
  ExpiringNotice,
  JoinedNotice,
  JoinReply,
  LeaveReply,
  LeftNotice,
  RefreshReply,
  Refusal,
  RefusedReply,
  Retry,
  WhoamiReply,
} from './protocol.ts'
export { type DecisionListener, type DecisionLog, type DecisionLogOptions, decisionLog } from './server/decision-log.ts'
