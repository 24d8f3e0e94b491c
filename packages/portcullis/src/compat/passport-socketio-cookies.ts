/** `socket.request.cookie`: the cookies that were signed, as cookie-parser has them. */

import { parse } from 'cookie'
import { unsign } from 'cookie-signature'
import type { CookieParser, PassportSocketIoSettings } from './passport-socketio-options.ts'

export type Cookies = Readonly<Record<string, unknown>>

/** Never throws. Not what authorizes: that reads the header by itself. */
export function signedCookies(header: unknown, { parseCookies, secrets }: PassportSocketIoSettings): Cookies {
  const text = typeof header === 'string' ? header : ''
  return parseCookies === null ? verified(text, secrets) : parsed(text, parseCookies)
}

function verified(header: string, secrets: readonly string[]): Cookies {
  const found: Record<string, unknown> = Object.create(null)
  for (const [name, value] of Object.entries(parse(header))) {
    if (!value?.startsWith('s:')) continue
    const signed = value.slice(2)
    const plain = secrets.map((secret) => unsign(signed, secret)).find((each) => each !== false)
    if (plain !== undefined) found[name] = plain
  }
  return found
}

function parsed(cookie: string, parse: CookieParser): Cookies {
  const request: { headers: { cookie: string }; signedCookies?: Cookies } = { headers: { cookie } }
  try {
    parse(request, {}, () => {})
  } catch {
    return {}
  }
  return typeof request.signedCookies === 'object' ? { ...request.signedCookies } : {}
}
