/** One request with questions, signed, and the answers that it got. */

import { randomUUID } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { freshSeconds } from '../outbound/freshness.ts'
import type { HttpCall, HttpResponse } from '../outbound/http-call.ts'
import type { JsonObject } from '../strategies/strict-json.ts'
import { signedHeaders } from '../strategies/webhook-signature.ts'
import { answersIn, malformed, maxAgeOf } from './http-answer.ts'
import type { Item } from './http-item.ts'
import { undecided } from './http-undecided.ts'

/** What the back end said to one question, and for how many seconds that may be remembered. */
export interface ItemAnswer {
  readonly answer: JsonObject
  readonly maxAgeSeconds: number
}

/** Sends questions, and reads the answers of a status of 200. @throws AuthError AUTH_UNAVAILABLE for all of them */
export type Post = (items: readonly Item[]) => Promise<(id: string) => ItemAnswer>

export interface PostOptions {
  readonly keys: readonly Uint8Array[]
  readonly timeoutMs: number
  readonly clock: Pick<Clock, 'now'>
}

/** `repeat`: whether a request may be sent again when a kept connection turns out to be closed. */
export function createPost(call: HttpCall, options: PostOptions, repeat: boolean): Post {
  return (items) => send(call, options, items, repeat, answersTo)
}

/** Sends notices. @throws AuthError AUTH_UNAVAILABLE when they did not arrive */
export async function notify(call: HttpCall, options: PostOptions, items: readonly Item[]): Promise<void> {
  await send(call, options, items, true, ({ status }) => {
    if (status < 200 || status > 299) throw undecided('status', `the back end answered with status ${status}`)
  })
}

function send<Result>(
  call: HttpCall,
  { keys, timeoutMs, clock }: PostOptions,
  items: readonly Item[],
  idempotent: boolean,
  read: (response: HttpResponse) => Result,
): Promise<Result> {
  const body = `{"version":1,"id":"${randomUUID()}","items":[${items.map(({ text }) => text).join()}]}`
  const headers = () => ({
    'content-type': 'application/json',
    'portcullis-timeout-ms': String(timeoutMs),
    ...signedHeaders(keys, body, clock.now()),
  })
  return call({ method: 'POST', headers, body, idempotent }, read)
}

function answersTo(response: HttpResponse): (id: string) => ItemAnswer {
  const answers = answersIn(response)
  const fresh = freshSeconds(response.headers)
  return (id) => {
    const answer = answers.get(id)
    if (answer === undefined) throw undecided('answer_missing', 'the back end left a question without an answer')
    if (answer === null) malformed('two items with one id')
    return { answer, maxAgeSeconds: maxAgeOf(answer) ?? fresh }
  }
}
