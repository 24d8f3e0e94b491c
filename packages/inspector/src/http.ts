/** Requests and answers over plain `node:http`, so that Express is not needed and not in the way. */

import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request as Express may have left it: with the address that it believes, and the whole path. */
export interface InspectorRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly ip?: string | undefined
  readonly secure?: boolean
  readonly body?: unknown
}

/** Refuses a request: becomes a problem document (RFC 9457) with fixed words. */
export class Problem extends Error {
  readonly status: number
  readonly retryAfterSeconds: number | undefined

  constructor(status: number, title: string, retryAfterSeconds?: number) {
    super(title)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
  }
}

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  // Not `no-referrer`, with which browsers send `Origin: null` even to their own site.
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
} as const

export function setHeaders(res: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) res.setHeader(name, value)
  res.setHeader('Cache-Control', 'no-store')
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body))
  res.statusCode = status
  res.setHeader('Content-Type', status < 400 ? 'application/json; charset=utf-8' : 'application/problem+json')
  res.setHeader('Content-Length', bytes.length)
  res.end(res.req.method === 'HEAD' ? undefined : bytes)
}

export function sendProblem(res: ServerResponse, problem: Problem): void {
  if (problem.retryAfterSeconds !== undefined) res.setHeader('Retry-After', problem.retryAfterSeconds)
  sendJson(res, problem.status, { type: 'about:blank', title: problem.message, status: problem.status })
}

/**
 * The JSON object that a POST carries: what Express has parsed already, or what is read here.
 *
 * @throws Problem 413 beyond 64 KiB, 415 for another type, 400 for what is no JSON object
 */
export async function readBody(req: InspectorRequest): Promise<Readonly<Record<string, unknown>>> {
  // A form of another site cannot send this type without asking first.
  if (!/^application\/json\s*(;|$)/i.test(req.headers['content-type'] ?? '')) {
    throw new Problem(415, 'The body must be application/json.')
  }
  const body: unknown = req.body === undefined ? parse(await readText(req)) : req.body
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new Problem(400, 'The body must be a JSON object.')
  }
  return body as Readonly<Record<string, unknown>>
}

const MAX_BODY_BYTES = 65_536
/** Whoever sends a body of a few hundred bytes has sent it by then. */
const BODY_TIMEOUT_MS = 10_000

function readText(req: InspectorRequest): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const timer = setTimeout(() => fail(new Problem(408, 'The body did not arrive in time.')), BODY_TIMEOUT_MS)
    const fail = (problem: Problem) => {
      clearTimeout(timer)
      req.removeAllListeners('data')
      req.resume()
      reject(problem)
    }
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) fail(new Problem(413, 'The body is larger than 64 KiB.'))
      else chunks.push(chunk)
    })
    req.once('end', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('utf8'))
    })
    req.once('close', () => fail(new Problem(400, 'The body is not complete.')))
    req.once('error', () => fail(new Problem(400, 'The body is not complete.')))
  })
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new Problem(400, 'The body is not JSON.')
  }
}
