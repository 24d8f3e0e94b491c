/** Asking the application who may join: a POST to an address from the configuration, within bounds. */

import { createHash } from 'node:crypto'
import { type Agent, Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'

export interface EndpointSettings {
  readonly url: URL
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
  readonly ca: string | readonly string[] | undefined
}

/** `form` becomes the body, `application/x-www-form-urlencoded`. */
export interface Question {
  readonly form: Readonly<Record<string, string>>
  readonly headers: Readonly<Record<string, string>>
}

/** `away` where nobody has decided: no answer in time, one that cannot be read, too many questions, or a server's own error. */
export type Answer =
  | { readonly is: 'granted'; readonly body: unknown }
  | { readonly is: 'refused'; readonly status: number }
  | { readonly is: 'away'; readonly status: number; readonly reason: string }

export interface Endpoint {
  /** Never rejects. Who asks the same while an answer is awaited gets that answer. */
  ask(question: Question): Promise<Answer>
  close(): void
}

/** Questions under way; more wait, and more than that are told that nobody could be asked. */
const MAX_CONCURRENT = 64
const MAX_WAITING = 2048

export function createEndpoint({ url, timeoutMs, maxAnswerBytes, ca }: EndpointSettings): Endpoint {
  const secure = url.protocol === 'https:'
  const settings = { keepAlive: true, maxSockets: MAX_CONCURRENT, maxFreeSockets: 8 }
  const agent: Agent = secure ? new HttpsAgent(settings) : new HttpAgent(settings)
  const pending = new Map<string, Promise<Answer>>()
  const send = secure ? httpsRequest : httpRequest

  function post({ form, headers }: Question): Promise<Answer> {
    const body = new URLSearchParams(form).toString()
    const options: RequestOptions & { rejectUnauthorized: boolean; ca?: string | string[] } = {
      method: 'POST',
      agent,
      // Said aloud, since NODE_TLS_REJECT_UNAUTHORIZED would turn it off for the whole process.
      rejectUnauthorized: true,
      ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
      headers: {
        ...headers,
        'X-Requested-With': 'XMLHttpRequest',
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': Buffer.byteLength(body),
      },
    }
    return new Promise((resolve) => {
      let current: ReturnType<typeof send> | null = null
      const deadline = setTimeout(() => give(away(0, 'timeout')), timeoutMs)

      function give(answer: Answer): void {
        clearTimeout(deadline)
        resolve(answer)
        if (answer.is === 'away') current?.destroy()
      }
      function attempt(again: boolean): void {
        const request = send(url, options)
        current = request
        request.on('error', () => {
          // The other end had closed a kept connection; asking twice changes nothing there.
          if (request.reusedSocket && !again) attempt(true)
          else give(away(0, 'connect'))
        })
        request.on('response', (response) => {
          const status = response.statusCode ?? 0
          const parts: Buffer[] = []
          let bytes = 0
          response.on('data', (part: Buffer) => {
            bytes += part.length
            if (bytes > maxAnswerBytes) give(away(status === 200 ? 0 : status, 'too_large'))
            else parts.push(part)
          })
          response.on('error', () => give(away(0, 'reset')))
          response.on('end', () => give(read(status, response.headers['content-encoding'], Buffer.concat(parts))))
        })
        request.end(body)
      }
      try {
        attempt(false)
      } catch {
        // Node refuses what cannot be in a header.
        give(away(0, 'request_malformed'))
      }
    })
  }

  return {
    ask(question) {
      const key = digestOf(question)
      const before = pending.get(key)
      if (before !== undefined) return before
      if (pending.size >= MAX_CONCURRENT + MAX_WAITING) return Promise.resolve(away(503, 'busy'))
      const answer = post(question).finally(() => pending.delete(key))
      pending.set(key, answer)
      return answer
    },
    close: () => agent.destroy(),
  }
}

function read(status: number, encoding: string | undefined, bytes: Buffer): Answer {
  if (status >= 500 || status === 408 || status === 429) return away(status, 'status')
  if (status !== 200) return { is: 'refused', status }
  if (encoding !== undefined && encoding !== 'identity') return away(0, 'encoding')
  try {
    const body: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    // A login page, or `false`, comes with status 200 too.
    return body === true || (typeof body === 'object' && body !== null && !Array.isArray(body))
      ? { is: 'granted', body }
      : { is: 'refused', status: 403 }
  } catch {
    return { is: 'refused', status: 403 }
  }
}

function away(status: number, reason: string): Answer {
  return { is: 'away', status, reason }
}

function digestOf({ form, headers }: Question): string {
  const sorted = (fields: object) => Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256')
    .update(JSON.stringify([sorted(form), sorted(headers)]))
    .digest('base64')
}
