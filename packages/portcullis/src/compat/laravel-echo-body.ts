/** The body of a request to the HTTP API, within bounds. */

import type { ApiRequest } from './laravel-echo-options.ts'

const MAX_BYTES = 1_048_576
const TIMEOUT_MS = 10_000

/** The body as JSON; or the status that says why there is none. */
export type Body = { readonly value: unknown } | { readonly status: 400 | 408 | 413 }

export async function readBody(request: ApiRequest): Promise<Body> {
  // A body parser of the application's came first.
  if (request.readableEnded) return request.body === undefined ? { status: 400 } : { value: request.body }
  if (Number(request.headers['content-length'] ?? 0) > MAX_BYTES) return { status: 413 }
  const text = await collect(request)
  if (typeof text === 'number') return { status: text }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { status: 400 }
  }
}

function collect(request: ApiRequest): Promise<string | 400 | 408 | 413> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let bytes = 0
    const deadline = setTimeout(() => done(408), TIMEOUT_MS)
    function done(result: string | 400 | 408 | 413): void {
      clearTimeout(deadline)
      request.off('data', onData)
      resolve(result)
    }
    function onData(part: Buffer): void {
      bytes += part.length
      if (bytes > MAX_BYTES) done(413)
      else parts.push(part)
    }
    request.on('data', onData)
    request.once('end', () => done(Buffer.concat(parts).toString('utf8')))
    request.once('error', () => done(400))
    request.once('close', () => done(400))
  })
}
