/** How presence is written in Redis: names, changes and members, and what is read of them again. */

import { bySeniority, type PresenceChange, type PresenceMember } from './store.ts'

/** JSON has no line break, with which names are told apart. */
export function roomName(namespace: string, room: string): string {
  return JSON.stringify([namespace, room])
}

export function memberField(issuer: string, subject: string): string {
  return JSON.stringify([issuer, subject])
}

/** Null for what is none: somebody else may write to that Redis. */
export function readChange(text: unknown): PresenceChange | null {
  if (typeof text !== 'string') return null
  const [kind, name, field, scheme, at, ...more] = text.split('\n')
  if ((kind !== 'join' && kind !== 'leave') || more.length > 0) return null
  const where = pairOf(parse(name))
  const who = pairOf(parse(field))
  const how = parse(scheme)
  const seconds = Number(at)
  if (where === null || who === null || typeof how !== 'string' || !Number.isSafeInteger(seconds)) return null
  const [namespace, room] = where
  const [issuer, subject] = who
  return { kind, namespace, room, issuer, subject, scheme: how, at: seconds }
}

/** Fields and values in turn, as HGETALL answers within a script. What is no member is left out. */
export function readMembers(flat: unknown): PresenceMember[] {
  if (!Array.isArray(flat)) return []
  const members: PresenceMember[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const who = pairOf(parse(flat[i]))
    const value = parse(flat[i + 1])
    if (who === null || typeof value !== 'object' || value === null) continue
    const { since, scheme, nodes } = value as { since?: unknown; scheme?: unknown; nodes?: unknown }
    if (typeof since !== 'number' || typeof scheme !== 'string' || typeof nodes !== 'object' || nodes === null) continue
    const connections = Object.values(nodes).reduce<number>((sum, count) => sum + Number(count), 0)
    members.push({ issuer: who[0], subject: who[1], scheme, since, connections })
  }
  return members.sort(bySeniority)
}

function parse(text: unknown): unknown {
  if (typeof text !== 'string') return null
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function pairOf(value: unknown): readonly [string, string] | null {
  if (!Array.isArray(value) || value.length !== 2) return null
  const [first, second] = value as unknown[]
  return typeof first === 'string' && typeof second === 'string' ? [first, second] : null
}
