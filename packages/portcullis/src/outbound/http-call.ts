/**
 * The one way in which strategies call out: a fixed URL, bounded time, bytes, concurrency and patience.
 *
 *   const call = createHttpCall({ url, timeoutMs, maxConcurrent, maxQueued, ca, allowPrivateAddresses })
 *   const response = await call({ method: 'POST', headers, body })             // { status, headers, body: Uint8Array }
 *   const result = await call({ method: 'POST', headers, body }, (response) => parse(response))
 *   call.state()                                                               // { breaker, inFlight, waiting }
 *
 * `response` may have any status; 3xx is not followed. Use the second form where an answer can be useless: when `parse`
 * throws AUTH_UNAVAILABLE, that counts as a failure of the back end, as no answer and 5xx do. `idempotent: true` in the
 * request permits one repetition when a kept connection turns out to be closed. Remember answers with
 * `createAnswerCache` of http-call-cache.ts. Check a URL under another option's name with `callUrl` of http-call-options.ts.
 */

import { AuthError } from '../errors.ts'
import { checkedLookup, type Resolve } from './address.ts'
import { type BreakerState, createBreaker } from './breaker.ts'
import { createExchange, type FailureReason, type HttpRequest, type HttpResponse, type Outcome } from './exchange.ts'
import { type HttpCallOptions, settingsOf } from './options.ts'
import { createSlots } from './slots.ts'

export type { HttpRequest, HttpResponse } from './exchange.ts'
export type { HttpCallOptions } from './options.ts'

/** For metrics. */
export interface HttpCallState {
  readonly breaker: BreakerState
  readonly inFlight: number
  readonly waiting: number
}

/** Calls the URL; `read` makes of the answer what the caller wants. */
export interface HttpCall {
  (request: HttpRequest): Promise<HttpResponse>
  <Result>(request: HttpRequest, read: (response: HttpResponse) => Result): Promise<Result>
  readonly state: () => HttpCallState
}

/** For tests: what is otherwise the system's. */
export interface HttpCallSystem {
  readonly resolve?: Resolve
  /** Milliseconds that never go back. */
  readonly now?: () => number
  readonly random?: () => number
}

/**
 * A function that calls `url`, and nothing else.
 *
 * @throws TypeError at once, when an option is missing or malformed
 * @throws AuthError from the call: AUTH_UNAVAILABLE, with the reason `timeout`, `connect`, `address_refused`, `tls`, `reset`,
 * `truncated`, `too_large`, `encoding`, `answer_malformed`, `busy` or `breaker_open`; AUTH_ERROR when the request cannot be
 * written (`request_malformed`); and what `read` throws. No error contains anything of the request.
 */
export function createHttpCall(options: HttpCallOptions, system: HttpCallSystem = {}): HttpCall {
  const settings = settingsOf(Object.assign(Object.create(null), options))
  const { url, timeoutMs, maxConcurrent, maxQueued } = settings
  const breaker = createBreaker(system.now ?? (() => performance.now()), system.random)
  const slots = createSlots(maxConcurrent, maxQueued)
  const exchange = createExchange(settings, checkedLookup(settings.allowPrivateAddresses, system.resolve))

  async function callWithin<Result>(
    signal: AbortSignal,
    request: HttpRequest,
    read: (response: HttpResponse) => Result,
  ): Promise<Result> {
    if (!breaker.admits()) throw open()
    const place = slots.take(signal)
    if (place === null) throw unavailable('busy')
    const leave = await place.catch(() => Promise.reject(unavailable('timeout')))
    try {
      // It may have opened while this call waited.
      if (!breaker.admits()) throw open()
      return await attempt(signal, request, read, breaker.start())
    } finally {
      leave()
    }
  }

  async function attempt<Result>(
    signal: AbortSignal,
    request: HttpRequest,
    read: (response: HttpResponse) => Result,
    finish: (failed: boolean) => void,
  ): Promise<Result> {
    let failed = true
    try {
      const { response } = answered(await send(request, signal))
      failed = response.status >= 500
      return read(response)
    } catch (error) {
      failed ||= AuthError.is(error) && error.code === 'AUTH_UNAVAILABLE'
      throw error
    } finally {
      finish(failed)
    }
  }

  async function send(request: HttpRequest, signal: AbortSignal): Promise<Outcome> {
    try {
      const outcome = await exchange(request, signal, false)
      const repeat = 'stale' in outcome && outcome.stale && request.idempotent === true
      return repeat ? await exchange(request, signal, true) : outcome
    } catch {
      // Node refuses characters in headers; its error may quote them.
      throw new AuthError('AUTH_ERROR', { reason: 'request_malformed' })
    }
  }

  function answered(outcome: Outcome): { readonly response: HttpResponse } {
    if ('response' in outcome) return outcome
    throw unavailable(outcome.reason, outcome.code)
  }

  function unavailable(reason: FailureReason | 'busy', code = ''): AuthError {
    const hint =
      reason === 'address_refused' ? ': its name resolves to a private address, see "allowPrivateAddresses"' : ''
    const cause = new Error(`the call to ${url.origin} failed: ${reason}${code === '' ? '' : ` (${code})`}${hint}`)
    return new AuthError('AUTH_UNAVAILABLE', { reason, cause })
  }

  function open(): AuthError {
    const cause = new Error(`${url.origin} failed too often and is not asked for a while`)
    const retryAfterSeconds = Math.max(1, Math.ceil(breaker.remainingMs() / 1000))
    return new AuthError('AUTH_UNAVAILABLE', { reason: 'breaker_open', cause, retryAfterSeconds })
  }

  async function call<Result>(request: HttpRequest, read?: (response: HttpResponse) => Result): Promise<unknown> {
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), timeoutMs)
    try {
      return await callWithin<unknown>(deadline.signal, request, read ?? ((response) => response))
    } finally {
      clearTimeout(timer)
    }
  }

  const state = (): HttpCallState => ({
    breaker: breaker.state(),
    inFlight: slots.inFlight(),
    waiting: slots.waiting(),
  })
  // The overloads say what `call` gives: the answer, or what `read` makes of it.
  return Object.freeze(Object.assign(call, { state })) as HttpCall
}
