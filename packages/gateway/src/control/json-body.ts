/** Bodies of the control API: read within bounds, and parsed so that no two readers could read them differently. */

import type { IncomingMessage } from 'node:http'
import { Problem } from './problem.ts'

/** Socket.IO and its adapters walk what they send by recursion; what nests deeper is refused. */
export const MAX_JSON_DEPTH = 32
const MEDIA_TYPE = /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** In valid JSON these are all the tokens that structure consists of. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g

/** @throws Problem MEDIA_TYPE_UNSUPPORTED, BODY_TOO_LARGE; BODY_INVALID when the sender stopped half-way */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers
  if (!MEDIA_TYPE.test(type) || encoding !== 'identity') throw new Problem('MEDIA_TYPE_UNSUPPORTED')
  const tooLarge = () => new Problem('BODY_TOO_LARGE', { detail: `At most ${maxBytes} bytes are read.` })
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge()
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    function take(chunk: Buffer): void {
      length += chunk.length
      if (length <= maxBytes) {
        chunks.push(chunk)
        return
      }
      request.off('data', take)
      chunks.length = 0
      reject(tooLarge())
    }
    request.on('data', take)
    request.once('end', () => resolve(Buffer.concat(chunks)))
    request.once('error', () => reject(new Problem('BODY_INVALID')))
    request.once('close', () => reject(new Problem('BODY_INVALID')))
  })
}

/**
 * The value that `bytes` spell.
 *
 * @throws Problem BODY_INVALID when they are not JSON in UTF-8, nest deeper than `MAX_JSON_DEPTH`, or hold a name twice in one
 * object or the name `__proto__`
 */
export function parseBody(bytes: Buffer): unknown {
  let text: string
  let value: unknown
  try {
    text = UTF8.decode(bytes)
    value = JSON.parse(text)
  } catch {
    // The error of JSON.parse quotes its input, so it goes no further.
    throw new Problem('BODY_INVALID', { detail: 'It is not JSON in UTF-8.' })
  }
  const detail = faultOf(text)
  if (detail !== null) throw new Problem('BODY_INVALID', { detail })
  return value
}

/** Sees what `JSON.parse` hides. Only for text that it accepted; no recursion. */
function faultOf(text: string): string | null {
  let last = ''
  // One entry for each open object or array: the names seen so far. An array has none.
  const open: (Set<string> | null)[] = []
  for (const token of text.match(TOKEN) ?? []) {
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : null) > MAX_JSON_DEPTH)
        return `It nests deeper than ${MAX_JSON_DEPTH} levels.`
    } else if (token === '}' || token === ']') {
      open.pop()
    } else if (token === ':') {
      // Decoded, because "room" and "\u0072oom" are one name.
      const name = JSON.parse(last) as string
      const names = open.at(-1)
      if (names?.has(name)) return 'A name stands twice in one object.'
      if (name === '__proto__') return 'No name may be __proto__.'
      names?.add(name)
    } else {
      last = token
    }
  }
  return null
}
