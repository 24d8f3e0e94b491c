/** Requests that a client can send and no honest client does. */

import type { Connect, Handshake, Strategy } from 'portcullis'
import { handshakeOf } from './handshake.ts'

interface HostileRequest {
  readonly name: string
  readonly request: { readonly handshake: Handshake; readonly connect: Connect | null }
}

const MEGABYTE = 'A'.repeat(1_048_576)

const TEXTS: Readonly<Record<string, string>> = {
  'an empty value': '',
  'one space': ' ',
  'a NUL': 'a\0b',
  'line breaks': 'a\r\nx-injected: 1',
  'a broken escape': '%E0%A4%A',
  'a lone surrogate': '\uD800',
  quotes: '"',
  'dots only': '...',
  'a signed cookie without a signature': 's:',
  'a prototype key': '__proto__',
  'a path': '../../etc/passwd',
  'one megabyte': MEGABYTE,
}

/** JSON makes an own `__proto__` of this, as a CONNECT packet does. */
const POLLUTING = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as object

const VALUES: Readonly<Record<string, unknown>> = {
  null: null,
  undefined: undefined,
  true: true,
  'a number': 1,
  NaN: Number.NaN,
  'an object': {},
  'an array': ['a', 'b'],
  'an object that would be a string': { toString: null, length: 3 },
  'a polluting object': POLLUTING,
  bytes: new Uint8Array(3),
}

/** For every place the strategy reads from: texts of all kinds, and values that are no text where the packet allows it. */
export function hostileRequests(strategy: Strategy): readonly HostileRequest[] {
  const requests: HostileRequest[] = [
    { name: 'no headers', request: { handshake: handshakeOf(), connect: null } },
    { name: 'empty auth', request: { handshake: handshakeOf(), connect: { namespace: '/', auth: {} } } },
    {
      name: 'prototype keys everywhere',
      request: {
        handshake: handshakeOf({
          headers: { cookie: '__proto__=1; constructor=2; toString=3', constructor: 'x' },
          url: '/socket.io/?__proto__=1&constructor=2&__proto__[polluted]=1',
        }),
        connect: { namespace: '/__proto__', auth: POLLUTING as Connect['auth'] },
      },
    },
  ]
  for (const source of strategy.from) {
    const add = (name: string, request: HostileRequest['request']) =>
      requests.push({ name: `${name} in ${source.in} ${source.name}`, request })
    for (const [name, text] of Object.entries(TEXTS)) add(name, withText(source, text))
    if (source.in === 'auth') {
      for (const [name, value] of Object.entries(VALUES)) add(name, withAuth(source.name, value))
    } else {
      add('a repeated value', withText(source, ['a', 'b']))
    }
  }
  return requests
}

function withText(
  { in: place, name }: Strategy['from'][number],
  text: string | readonly string[],
): HostileRequest['request'] {
  if (place === 'auth') return withAuth(name, text)
  if (place === 'query') {
    const query = Array.isArray(text) ? `${name}=a&${name}=b` : `${name}=${encode(String(text))}`
    return { handshake: handshakeOf({ url: `/socket.io/?${query}` }), connect: null }
  }
  const header = place === 'cookie' ? 'cookie' : name
  const values = [text].flat().map((value) => (place === 'cookie' ? `${name}=${value}` : value))
  return { handshake: handshakeOf({ headers: { [header]: Array.isArray(text) ? values : values[0] } }), connect: null }
}

function withAuth(field: string, value: unknown): HostileRequest['request'] {
  return { handshake: handshakeOf(), connect: { namespace: '/', auth: { [field]: value } } }
}

/** As a URL may hold it: a broken escape stays broken, a lone surrogate becomes U+FFFD. */
function encode(text: string): string {
  return text.startsWith('%') ? text : encodeURIComponent(Buffer.from(text).toString())
}
