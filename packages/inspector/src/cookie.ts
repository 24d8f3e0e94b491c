/** The signed cookie of a session: who, until when, and under which of their passwords. */

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

const NAME = 'portcullis-inspector'

/** What a cookie says, once its signature was found good. */
export interface Ticket {
  readonly id: string
  readonly name: string
  /** Epoch seconds. */
  readonly expiresAt: number
}

/** Signs and reads the cookie. `passwordHash` is part of what is signed: a new password ends the sessions of the old one. */
export interface Cookies {
  issue(name: string, passwordHash: string, expiresAt: number): string
  read(header: string | undefined, passwordHashOf: (name: string) => string | null, nowSeconds: number): Ticket | null
}

export function createCookies(secret: string | Uint8Array): Cookies {
  const sign = (payload: string, passwordHash: string) =>
    createHmac('sha256', secret).update(`portcullis-inspector session\0${payload}\0${passwordHash}`).digest('base64url')
  return {
    issue(name, passwordHash, expiresAt) {
      const payload = Buffer.from(JSON.stringify([randomBytes(12).toString('base64url'), name, expiresAt])).toString(
        'base64url',
      )
      return `${payload}.${sign(payload, passwordHash)}`
    },
    read(header, passwordHashOf, nowSeconds) {
      for (const value of valuesOf(header)) {
        const [payload = '', signature = '', ...rest] = value.split('.')
        const ticket = rest.length === 0 ? parse(payload) : null
        const passwordHash = ticket && passwordHashOf(ticket.name)
        if (ticket === null || passwordHash === null) continue
        if (isEqual(sign(payload, passwordHash), signature) && nowSeconds < ticket.expiresAt) return ticket
      }
      return null
    },
  }
}

/**
 * `Set-Cookie` for a value; an empty one takes the cookie away. It names no path: the browser then takes the folder of the request as
 * itself sees it, `…/api`, whatever a proxy in front cuts off. The page's own files need no cookie.
 *
 * @see RFC 6265 section 5.1.4
 */
export function setCookie(value: string, secure: boolean, maxAgeSeconds: number): string {
  const base = `${NAME}=${value}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict`
  return secure ? `${base}; Secure` : base
}

/** All of that name: another path or a parent domain may have set one too, and only ours bears our signature. */
function valuesOf(header = ''): readonly string[] {
  return header
    .split(';', 64)
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${NAME}=`))
    .map((pair) => pair.slice(NAME.length + 1))
    .slice(0, 4)
}

function parse(payload: string): Ticket | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    if (!Array.isArray(value)) return null
    const [id, name, expiresAt] = value as unknown[]
    return typeof id === 'string' && typeof name === 'string' && typeof expiresAt === 'number'
      ? { id, name, expiresAt }
      : null
  } catch {
    return null
  }
}

function isEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
