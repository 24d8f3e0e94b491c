/** The wire: names of the events that Portcullis adds to a Socket.IO connection, and the shapes of their bodies. */

/** Every event name that starts with this belongs to Portcullis; an application cannot define one. */
export const RESERVED_PREFIX = 'auth:'

/** Client to server, with an acknowledgement: the `auth` payload of a CONNECT, sent on a connection that stands. */
export const REFRESH = 'auth:refresh'
/** Client to server, with an acknowledgement. */
export const JOIN = 'auth:join'
/** Client to server, with an acknowledgement. */
export const LEAVE = 'auth:leave'
/** Client to server, with an acknowledgement: "who am I here, and for how long?" */
export const WHOAMI = 'auth:whoami'
/** Server to client: the lease ends soon. */
export const EXPIRING = 'auth:expiring'
/** Server to client: rooms were joined because they follow from the identity now. */
export const JOINED = 'auth:joined'
/** Server to client, the last event before a disconnection by the server. */
export const CLOSED = 'auth:closed'
/** Server to client: an event without an acknowledgement was refused. */
export const DENIED = 'auth:denied'
/** Server to client: a room was left because its grant ended, or because it no longer follows from the identity. */
export const LEFT = 'auth:left'

/** What a client should do after a refusal: nothing, ask for a new credential once, or wait and try again. */
export type Retry = 'never' | 'refresh' | 'backoff'

/** The body of every refusal: HTTP answer, `connect_error.data`, acknowledgement, `auth:closed`, `auth:denied`. */
export interface Refusal<Code extends string = string> {
  /** What programs compare. */
  readonly code: Code
  /** For people; the same text for each code. */
  readonly message: string
  /** What to do next. */
  readonly retry: Retry
  /** With `backoff`, where the server knows it: after how many milliseconds trying again makes sense. */
  readonly retryAfterMs?: number
}

/** Acknowledgement of a refused request. */
export interface RefusedReply {
  readonly error: Refusal
}

/** Acknowledgement of `auth:join`. `expiresAt` is epoch seconds, the earliest end among the rooms joined, or null. */
export interface JoinReply {
  readonly joined: readonly string[]
  readonly expiresAt: number | null
}

/**
 * Acknowledgement of `auth:refresh`. `expiresAt` is epoch seconds or null. The rooms are the difference: joined because they follow
 * from the identity now, left because nothing permits them any more.
 */
export interface RefreshReply {
  readonly expiresAt: number | null
  readonly joined: readonly string[]
  readonly left: readonly string[]
}

/** Acknowledgement of `auth:leave`. */
export interface LeaveReply {
  readonly left: readonly string[]
}

/**
 * Acknowledgement of `auth:whoami`. Times are epoch seconds by the server's clock; `serverTime` lets a client whose
 * own clock is wrong compute what is left of the lease.
 */
export interface WhoamiReply {
  readonly scheme: string
  readonly issuer: string
  readonly subject: string
  readonly issuedAt: number
  readonly expiresAt: number | null
  readonly serverTime: number
  readonly rooms: readonly string[]
}

/** Body of `auth:left`. */
export interface LeftNotice extends Refusal {
  readonly room: string
}

/** Body of `auth:denied`. */
export interface DeniedNotice extends Refusal {
  readonly event: string
}

/** Body of `auth:expiring`. `expiresAt` is epoch seconds by the server's clock, `expiresInMs` what is left of it. */
export interface ExpiringNotice {
  readonly expiresAt: number
  readonly expiresInMs: number
}

/** Body of `auth:joined`. */
export interface JoinedNotice {
  readonly rooms: readonly string[]
}
