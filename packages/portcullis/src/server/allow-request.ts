/** The application's own `allowRequest`: asked as ever, heard once, and in a form that cannot hurt. */

import type { IncomingMessage } from 'node:http'
import { isThenable } from '../core/decide.ts'
import type { OnError } from './report.ts'

type Answer = (message: unknown, permitted: boolean) => void

/** The part of an Engine.IO server that is used. */
export interface Asking {
  readonly opts?: { allowRequest?: ((request: IncomingMessage, answer: Answer) => unknown) | undefined }
}

/** Longer or otherwise than this, a text may have been put together from what the client sent. */
const PLAIN = /^[\w .,:;!?()-]{1,200}$/

/**
 * Engine.IO 6 writes the message of a refused upgrade as HTML, and ends the process over one that is no string. A message of letters,
 * digits and plain punctuation is passed on; of any other the client hears Engine.IO's own `Forbidden`. What the function throws refuses.
 */
export function guardAllowRequest({ opts }: Asking, onError: OnError): void {
  const allowRequest = opts?.allowRequest
  if (opts === undefined || typeof allowRequest !== 'function') return
  opts.allowRequest = function guardedAllowRequest(request, answer) {
    let answered = false
    const once: Answer = (message, permitted) => {
      if (answered) return
      answered = true
      answer(typeof message === 'string' && PLAIN.test(message) ? message : undefined, permitted)
    }
    const fail = (error: unknown) => {
      onError(error, 'allowRequest')
      once(undefined, false)
    }
    try {
      const asked = allowRequest.call(opts, request, once)
      if (isThenable(asked)) Promise.resolve(asked).catch(fail)
    } catch (error) {
      fail(error)
    }
  }
}
