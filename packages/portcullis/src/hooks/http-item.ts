/** Questions as text: the same question is the same text, whoever asks it. */

import { createHash, randomUUID } from 'node:crypto'
import type { Identity } from '../core/identity.ts'
import { AuthError } from '../errors.ts'
import type { HookIdentity, HookItem } from './http-wire.ts'

/** A question on its way. */
export interface Item {
  readonly id: string
  /** JSON, with the id. */
  readonly text: string
}

type Without<Each, Name extends PropertyKey> = Each extends unknown ? Omit<Each, Name> : never
/** A question that has no name yet. */
export type Question = Without<HookItem, 'id'>

/** A longer question is refused. Bytes, which a batch does not exceed either. */
export const MAX_ITEM_BYTES = 262_144

/** PHP reads 512 levels by default. */
const MAX_DEPTH = 64
/** As `JSON.stringify` writes half of a character. */
const LONE_SURROGATE = /(?<!\\)(?:\\\\)*\\ud[89a-f]/

/**
 * The question as JSON that every reader can read: what a client sends must not spoil a request for those whose questions travel with
 * it.
 *
 * @throws AuthError AUTH_ARGUMENTS_INVALID for binary data, halves of characters, more than 64 levels, and above 256 KiB
 */
export function textOf(question: Question): string {
  let text: string
  try {
    text = JSON.stringify(question, jsonOnly)
  } catch (cause) {
    // Also what nests too deep for the stack.
    throw new AuthError('AUTH_ARGUMENTS_INVALID', { reason: 'not_json', cause: errorOf(cause) })
  }
  if (Buffer.byteLength(text) > MAX_ITEM_BYTES) throw new AuthError('AUTH_ARGUMENTS_INVALID', { reason: 'too_long' })
  if (LONE_SURROGATE.test(text)) throw new AuthError('AUTH_ARGUMENTS_INVALID', { reason: 'not_unicode' })
  if (isDeep(text)) throw new AuthError('AUTH_ARGUMENTS_INVALID', { reason: 'too_deep' })
  return text
}

/** An id that nobody can guess, so that no answer to another request, out of some cache between, fits this one. */
export function itemOf(text: string): Item {
  const id = randomUUID()
  return { id, text: `{"id":"${id}",${text.slice(1)}` }
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}

/** The four members, and nothing else that may hang on the object. */
export function identityOf({ scheme, issuer, subject, claims }: Identity): HookIdentity {
  return { scheme, issuer, subject, claims }
}

/** `this` holds the value as it was before any `toJSON`, which a Buffer has. */
function jsonOnly(this: unknown, name: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[name]
  if (ArrayBuffer.isView(original) || original instanceof ArrayBuffer) throw new TypeError('binary data is not JSON')
  return value
}

/** Brackets within strings are none. */
function isDeep(text: string): boolean {
  let depth = 0
  for (const [bracket] of text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '').matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    if (depth > MAX_DEPTH) return true
  }
  return false
}

/** The message of JSON.stringify may quote names of members. */
function errorOf(cause: unknown): Error {
  return new Error(cause instanceof RangeError ? 'it nests too deep' : 'it is not JSON')
}
