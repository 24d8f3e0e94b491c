/** Namespaces as the file writes them: who may connect, which rooms, which events. */

import { z } from 'zod'
import { condition } from './conditions.ts'
import type { Leaves } from './leaves.ts'

const namespaceName = z.string().regex(/^\/[A-Za-z0-9._~/-]*$/, 'must be a name such as /news')
const jsonSchema = z.union([z.boolean(), z.record(z.string(), z.unknown())])

const target = z.union([
  z.literal('hook').describe('The backend gets it, and its answer is the acknowledgement.'),
  z
    .strictObject({
      room: z.string().min(1).describe('CEL; the room that hears it.'),
      event: z.string().min(1).optional().describe('Default: as it came.'),
      mayBeOutside: z.boolean().default(false).describe('Without it the sender must be in that room.'),
    })
    .describe('Everybody else in a room hears it.'),
  z.literal('nothing').describe('It is permitted and goes nowhere; the acknowledgement is {}.'),
])
export type EventTarget = z.output<typeof target>

const event = z.strictObject({
  allow: condition,
  args: z
    .array(jsonSchema)
    .optional()
    .describe('A JSON Schema for each argument. More or fewer arguments are refused.'),
  to: target,
})
export type EventConfig = z.output<typeof event>

const room = z.strictObject({
  allow: condition.optional().describe('Who may ask to join. Left out: nobody may ask, and memberships alone fill it.'),
  presence: condition.optional().describe('Who may see who is in it. Left out: nobody.'),
})
export type RoomConfig = z.output<typeof room>

/** The schema of `namespaces`. */
export function namespacesSchema(leaves: Leaves) {
  const memberships = z.union([
    z.strictObject({
      sql: z.string().min(1).describe('$1 is a list of subjects; gives rows of subject and room.'),
      channel: leaves.text().describe('The channel of NOTIFY on which changes are told.'),
      issuer: leaves.text().optional().describe("Whose subjects these are. Default: the file's `issuer`."),
    }),
    z.strictObject({ cel: z.string().min(1).describe('CEL; a list of rooms.') }),
    z.strictObject({ hook: z.literal(true) }),
  ])
  const namespace = z.strictObject({
    connect: condition.describe('Who may use the namespace.'),
    memberships: memberships.optional().describe('Rooms that follow from who it is.'),
    rooms: z.record(z.string().min(1), room).default({}),
    events: z.record(z.string().min(1), event).default({}),
  })
  return z
    .record(namespaceName, namespace)
    .refine((value) => Object.keys(value).length > 0, 'must have at least one namespace')
}
export type NamespacesConfig = z.output<ReturnType<typeof namespacesSchema>>
export type NamespaceConfig = NamespacesConfig[string]
