/** The gateway's HTTP routes, as the page uses them. */

import type { Refusal } from 'portcullis'

/** Who is logged in with the cookie of this browser. */
export interface User {
  readonly name: string
  readonly display: string
  readonly admin: boolean
  readonly organizations: readonly { readonly id: string; readonly role: string }[]
}

/** What an HTTP route refused with; a server that does not answer counts as one that is unavailable. */
export class HttpRefusal extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(refusal.message)
    this.name = 'HttpRefusal'
    this.refusal = refusal
  }
}

const NO_ANSWER: Refusal = { code: 'NO_ANSWER', message: 'The server did not answer.', retry: 'backoff' }

export const whoIsLoggedIn = () => request<{ user: User | null }>('me', { method: 'GET' })
export const logIn = (username: string, password: string) => post<{ user: User }>('login', { username, password })
export const logOut = () => post<{ user: null }>('logout', {})
export const fetchToken = (username: string, password: string) =>
  post<{ token: string; expiresAt: number }>('token', { username, password })

function post<Body>(path: string, body: object): Promise<Body> {
  return request(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
}

async function request<Body>(path: string, init: RequestInit): Promise<Body> {
  let body: unknown
  let ok: boolean
  try {
    const response = await fetch(path, init)
    ok = response.ok
    body = await response.json()
  } catch {
    throw new HttpRefusal(NO_ANSWER)
  }
  if (!ok) throw new HttpRefusal(body as Refusal)
  return body as Body
}
