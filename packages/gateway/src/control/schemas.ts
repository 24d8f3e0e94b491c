/** What the bodies of the control API must be like. */

import type { ReconcileTarget, RevocationKey } from 'portcullis'
import { z } from 'zod'
import { isReservedEvent } from '../reserved.ts'

/** Longer names are none. Characters. */
const MAX_NAME_LENGTH = 1_024
/** More messages come in a second request. */
const MAX_BATCH = 1_000
/** A caller that waits longer than this has gone. Milliseconds; a claim on an idempotency key outlives it. */
const MAX_TIMEOUT_MS = 30_000

const name = z.string().min(1).max(MAX_NAME_LENGTH)
const namespace = z.string().min(1).max(MAX_NAME_LENGTH).startsWith('/')
const principal = z.strictObject({ issuer: name, subject: name })
const room = name.refine((value) => !value.startsWith('auth|'), 'is a room of Portcullis itself: name a user instead')
const epochSeconds = z.number().min(0)
const timeoutMs = z.int().min(1).max(MAX_TIMEOUT_MS)

const target = z
  .strictObject({
    room: room.exactOptional(),
    rooms: z.array(room).min(1).max(MAX_BATCH).exactOptional(),
    user: principal.exactOptional(),
    users: z.array(principal).min(1).max(MAX_BATCH).exactOptional(),
    namespace: z.literal(true).exactOptional(),
  })
  .refine((value) => Object.keys(value).length === 1, 'must have one of room, rooms, user, users and namespace')

/** A message to publish. `args` are sent as they are. */
export const message = z.strictObject({
  namespace,
  to: target,
  event: name.max(256).refine((event) => !isReservedEvent(event), 'is a reserved event'),
  args: z.array(z.unknown()).max(64).default([]),
  except: z
    .strictObject({
      rooms: z.array(room).max(MAX_BATCH).exactOptional(),
      users: z.array(principal).max(MAX_BATCH).exactOptional(),
      sockets: z.array(name).max(MAX_BATCH).exactOptional(),
    })
    .exactOptional(),
  volatile: z.boolean().default(false),
})

/** What `message` makes of a body. */
export type Message = z.infer<typeof message>

/** The body of `POST /publish/batch`. */
export const batch = z.strictObject({ messages: z.array(message).min(1).max(MAX_BATCH) })

const keyFields = z
  .strictObject({
    issuer: name.exactOptional(),
    subject: name.exactOptional(),
    session: name.exactOptional(),
    tokenId: name.exactOptional(),
    tag: name.exactOptional(),
  })
  .refine(
    (value) => ['issuer,subject', 'session', 'tokenId', 'tag'].includes(Object.keys(value).sort().join()),
    'must be { issuer, subject }, { session }, { tokenId } or { tag }',
  )

/** A `RevocationKey`. */
export const revocationKey = keyFields.transform((value) => value as RevocationKey)

const whoStays = { exceptSocket: name.exactOptional(), timeoutMs: timeoutMs.exactOptional() }

/** The body of `POST /revoke`. */
export const revocation = z.strictObject({
  key: revocationKey,
  issuedBefore: epochSeconds.exactOptional(),
  until: epochSeconds.exactOptional(),
  graceMs: z.int().min(0).max(3_600_000).exactOptional(),
  ...whoStays,
})

/** The body of `POST /disconnect`. */
export const disconnection = z.strictObject({ key: revocationKey, ...whoStays })

/** The body of `POST /sessions`. */
export const sessionsQuery = z.strictObject({ key: revocationKey })

/** The body of `POST /reconcile`. */
export const reconciliation = z.strictObject({
  target: z
    .strictObject({
      issuer: name.exactOptional(),
      subject: name.exactOptional(),
      room: room.exactOptional(),
      namespace: namespace.exactOptional(),
      everyone: z.literal(true).exactOptional(),
    })
    .refine(
      (value) => ['issuer,subject', 'room', 'namespace,room', 'everyone'].includes(Object.keys(value).sort().join()),
      'must be { issuer, subject }, { room }, { namespace, room } or { everyone: true }',
    )
    .transform((value) => value as ReconcileTarget),
  timeoutMs: timeoutMs.exactOptional(),
})

/** Plain JSON, passed on as it is: a schema that walked it would build it anew. */
const plainObject = z.custom<Readonly<Record<string, unknown>>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
)

/** The body of `POST /tickets`. */
export const ticket = z.strictObject({
  issuer: name.exactOptional(),
  subject: name,
  claims: plainObject.default({}),
  issuedAt: epochSeconds.exactOptional(),
  origin: name.exactOptional(),
  address: name.exactOptional(),
  userAgent: name.exactOptional(),
  session: z.strictObject({ cookie: name, value: z.string().min(1).max(8_192) }).exactOptional(),
  namespace: namespace.exactOptional(),
})

const asked = {
  namespace,
  room: name.exactOptional(),
  event: name.exactOptional(),
  args: z.array(z.unknown()).max(64).exactOptional(),
}

/** Why was that decided, or may this one do that? */
export const question = z.union([
  z.strictObject({ decision: name, args: asked.args }),
  z.strictObject({
    ...asked,
    identity: z.union([
      z.strictObject({ socketId: name }),
      principal,
      z.strictObject({ scheme: name, issuer: name, subject: name, claims: z.record(z.string(), z.unknown()) }),
    ]),
  }),
])
