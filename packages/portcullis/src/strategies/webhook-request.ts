/** What the back end is told about a connection. Everything of the client travels in the body, none of it as a header. */

import { createHash } from 'node:crypto'
import type { Connect, CredentialSource, Handshake } from '../core/handshake.ts'
import { readOne } from './from.ts'

/** The body of a request, as JSON. */
export interface WebhookRequest {
  readonly type: 'portcullis.authenticate'
  /** From the configured sources; null when only cookies were presented. */
  readonly credential: string | null
  /** Those of `forward.cookies` that were presented. Empty for a credential from the CONNECT packet. */
  readonly cookies: Readonly<Record<string, string>>
  /** Those of `forward.headers` that were sent, with names in lower case. Claims of the client, all of them. */
  readonly headers: Readonly<Record<string, string>>
  /** The client's address, as `trustedProxies` has it. */
  readonly address: string
  /** Whether the client came over TLS. */
  readonly secure: boolean
  /** Which namespace the CONNECT packet names; null for the handshake, which opens every namespace. */
  readonly namespace: string | null
}

/** What is read of a handshake, and how it is named. */
export interface Presented {
  readonly body: string
  /** SHA-256 of the body: who is told the same says the same, for a while. */
  readonly key: string
  /** SHA-256 of the credentials alone, which names the lease. */
  readonly digest: string
  /** False when only cookies were presented. */
  readonly explicit: boolean
}

export interface Forwarding {
  readonly sources: readonly CredentialSource[]
  readonly cookies: ReadonlyMap<string, CredentialSource>
  readonly headers: readonly string[]
}

/** RFC 9110 section 7.6.1: they speak of one connection, and end with it. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]
/** A proxy's word, which a client can say as well. What is true of it stands in `address` and `secure`. */
const PROXY =
  /^(?:forwarded|via|x-forwarded(?:-.*)?|x-real-ip|(?:x-|true-|cf-|fastly-|x-cluster-)?(?:client|connecting)-ip)$/
const REFUSED = new Set([...HOP_BY_HOP, 'authorization', 'cookie', 'content-length'])
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]{1,128}$/

/** The names of `forward.headers` in lower case. @throws TypeError when one of them must not be forwarded */
export function forwardedHeaders(names: readonly string[]): readonly string[] {
  return names.map((name) => {
    const lower = name.toLowerCase()
    if (!HEADER_NAME.test(name)) throw new TypeError('"forward.headers" must hold names of headers')
    // With underscores for hyphens some servers take it for the same header.
    if (REFUSED.has(lower) || PROXY.test(lower.replaceAll('_', '-')) || lower.startsWith('webhook-')) {
      throw new TypeError(`"forward.headers" must not hold "${lower}"`)
    }
    return lower
  })
}

/** What of the request, or of the CONNECT packet, is sent; null when neither holds a credential. */
export function presentedBy(handshake: Handshake, connect: Connect | null, forwarding: Forwarding): Presented | null {
  const credential = readOne(forwarding.sources, handshake, connect)
  const cookies = connect === null ? cookiesOf(handshake, forwarding.cookies) : {}
  if (credential === null && Object.keys(cookies).length === 0) return null
  const request: WebhookRequest = {
    type: 'portcullis.authenticate',
    credential,
    cookies,
    headers: headersOf(handshake, forwarding.headers),
    address: handshake.address.address,
    secure: handshake.secure,
    namespace: connect?.namespace ?? null,
  }
  return presentedAs(request, JSON.stringify(request))
}

/** The same of a body that `presentedBy` made, to ask once more. */
export function presentedIn(body: string): Presented {
  return presentedAs(JSON.parse(body) as WebhookRequest, body)
}

function presentedAs({ credential, cookies }: WebhookRequest, body: string): Presented {
  return {
    body,
    key: digestOf(body),
    digest: digestOf(JSON.stringify(['webhook', credential, cookies])),
    explicit: credential !== null,
  }
}

function cookiesOf(handshake: Handshake, sources: ReadonlyMap<string, CredentialSource>): Record<string, string> {
  const found: [string, string][] = []
  for (const [name, source] of sources) {
    const value = source.read(handshake, null)
    if (value !== null) found.push([name, value])
  }
  return Object.fromEntries(found)
}

function headersOf({ headers }: Handshake, names: readonly string[]): Record<string, string> {
  const { connection } = headers
  // What a client declares to be for the next hop only goes no further.
  const named = typeof connection === 'string' ? connection.toLowerCase().split(/[\s,]+/) : []
  const found: [string, string][] = []
  for (const name of names) {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined
    if (typeof value === 'string' && !named.includes(name)) found.push([name, value])
  }
  return Object.fromEntries(found)
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
