/** One request and its answer over node:http or node:https, with bounded bytes. Follows nothing, decodes nothing. */

import { Agent as HttpAgent, type IncomingHttpHeaders, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import type { HttpCallSettings } from './options.ts'

/** What to send. `content-length`, `host`, `connection` and `accept-encoding` are set by the call itself. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  /** A function is asked for each sending, so that a repeated request can be signed anew. */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>)
  readonly body?: string | Uint8Array
  /** Whether the back end may receive it twice without harm. Default false. */
  readonly idempotent?: boolean
}

/** Any answer, whatever its status: 3xx is not followed, 5xx does not throw. */
export interface HttpResponse {
  readonly status: number
  /** Names in lower case, as Node gives them. */
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

/** Why there is no answer. */
export type FailureReason =
  | 'timeout'
  | 'connect'
  | 'address_refused'
  | 'tls'
  | 'reset'
  | 'truncated'
  | 'too_large'
  | 'encoding'
  | 'answer_malformed'

export type Outcome =
  | { readonly response: HttpResponse }
  /** `stale`: the connection was an old one, and closed before any byte of an answer. */
  | { readonly reason: FailureReason; readonly code: string; readonly stale: boolean }

export type Exchange = (request: HttpRequest, signal: AbortSignal, fresh: boolean) => Promise<Outcome>

/** Shorter than the 5 s after which Node's own servers close an idle connection. */
const IDLE_MS = 4000
const TLS_CODE = /^(?:ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_|INVALID_CA)/

/** Exchanges with one URL, over connections that are kept, unless `fresh`. */
export function createExchange(settings: HttpCallSettings, lookup: LookupFunction): Exchange {
  const { url, ca, maxConcurrent, maxBodyBytes } = settings
  const secure = url.protocol === 'https:'
  const send = secure ? requestHttps : requestHttp
  const shared = { lookup, timeout: IDLE_MS, maxFreeSockets: maxConcurrent }
  // Said aloud, because NODE_TLS_REJECT_UNAUTHORIZED=0 changes the default.
  const tls = { rejectUnauthorized: true, minVersion: 'TLSv1.2' as const, ...(ca === undefined ? {} : { ca }) }
  const agentOf = (keepAlive: boolean) =>
    secure ? new HttpsAgent({ ...shared, ...tls, keepAlive }) : new HttpAgent({ ...shared, keepAlive })
  const [kept, once] = [agentOf(true), agentOf(false)]

  return ({ method, headers, body }, signal, fresh) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve({ reason: 'timeout', code: '', stale: false })
      const bytes = typeof body === 'string' ? Buffer.from(body) : body
      const outgoing = send(url, {
        method,
        agent: fresh ? once : kept,
        insecureHTTPParser: false,
        headers: {
          ...(typeof headers === 'function' ? headers() : headers),
          'accept-encoding': 'identity',
          ...(bytes === undefined ? {} : { 'content-length': bytes.byteLength }),
        },
      })

      let answer: IncomingMessage | null = null
      let ended = false
      const end = (outcome: Outcome) => {
        // A request reports its end several times, and later ones must not touch a connection that others use.
        if (ended) return
        ended = true
        signal.removeEventListener('abort', expire)
        resolve(outcome)
        if (!('response' in outcome)) outgoing.destroy()
      }
      const fail = (reason: FailureReason, code = '', stale = false) => end({ reason, code, stale })
      const expire = () => fail('timeout')

      signal.addEventListener('abort', expire, { once: true })
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        const code = codeOf(error)
        const reset = code === 'ECONNRESET' || code === 'EPIPE'
        fail(reasonOf(code, answer !== null), code, answer === null && reset && outgoing.reusedSocket)
      })
      outgoing.on('close', () => fail(answer === null ? 'reset' : 'truncated'))
      outgoing.on('response', (incoming) => {
        answer = incoming
        incoming.on('error', () => fail('truncated'))
        const encoding = incoming.headers['content-encoding'] ?? 'identity'
        if (encoding.toLowerCase() !== 'identity') return fail('encoding')
        if (Number(incoming.headers['content-length'] ?? 0) > maxBodyBytes) return fail('too_large')
        const chunks: Buffer[] = []
        let size = 0
        incoming.on('data', (chunk: Buffer) => {
          size += chunk.byteLength
          if (size > maxBodyBytes) return fail('too_large')
          chunks.push(chunk)
        })
        // Of an answer that broke off, Node reports an error and no end.
        incoming.on('end', () => {
          const { statusCode: status = 0, headers } = incoming
          end({ response: { status, headers, body: Buffer.concat(chunks) } })
        })
      })
      outgoing.end(bytes)
    })
}

function reasonOf(code: string, answered: boolean): FailureReason {
  if (answered) return 'truncated'
  if (code === 'EADDRESSREFUSED') return 'address_refused'
  if (code.startsWith('HPE_')) return 'answer_malformed'
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'reset'
  return TLS_CODE.test(code) ? 'tls' : 'connect'
}

/** Node's errors also hold hosts, certificates and pieces of the answer; only the code goes further. */
function codeOf({ code }: NodeJS.ErrnoException): string {
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : ''
}
