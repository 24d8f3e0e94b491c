/** Asks the server, by addresses relative to the page. */

import { signal } from '@preact/signals'
import { learnNow } from './clock.ts'

/** Who is logged in. */
export interface SessionInfo {
  readonly name: string
  readonly mayRevoke: boolean
  readonly signIn: 'password' | 'external'
}

/** Undefined until it is known; null when nobody is logged in. */
export const session = signal<SessionInfo | null | undefined>(undefined)
/** Why there is no session. `external`: it is not to be had here. */
export interface Refused {
  readonly title: string
  readonly kind: 'password' | 'external' | 'broken'
}

/** What the server said when it refused the session. */
export const refusal = signal<Refused | null>(null)

/** An answer that is none: the server's own words, or that it could not be reached (status 0). */
export class ApiError extends Error {
  readonly status: number

  constructor(status: number, title: string) {
    super(title)
    this.status = status
  }
}

/** Parameters of an address; what is empty is left out. */
export type Params = Readonly<Record<string, string | number | undefined>>

/** `path?a=b`, of what is not empty. */
export function address(path: string, params: Params = {}): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') query.set(name, String(value))
  }
  const text = query.toString()
  return text === '' ? path : `${path}?${text}`
}

/** @throws ApiError */
export function get<T>(path: string, params: Params = {}, abort?: AbortSignal): Promise<T> {
  return send<T>(address(path, params), abort === undefined ? {} : { signal: abort })
}

/** @throws ApiError */
export function post<T>(path: string, body: unknown = {}): Promise<T> {
  return send<T>(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function send<T>(path: string, init: RequestInit): Promise<T> {
  let response: Response
  try {
    response = await fetch(`api/${path}`, { ...init, credentials: 'same-origin' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new ApiError(0, 'The server does not answer.')
  }
  const body = (await response.json().catch(() => ({}))) as Readonly<Record<'title' | 'now' | 'signIn', unknown>>
  if (response.ok) {
    learnNow(body.now)
    return body as T
  }
  const title = typeof body.title === 'string' ? body.title : `The server answered ${response.status}.`
  if (response.status === 401 && path !== 'sign-in') {
    refusal.value = { title, kind: body.signIn === 'external' ? 'external' : 'password' }
    session.value = null
  }
  throw new ApiError(response.status, title)
}

/** Asks who is logged in. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await get<SessionInfo>('session')
    refusal.value = null
  } catch (error) {
    session.value = null
    if (error instanceof ApiError && error.status !== 401) refusal.value = { title: error.message, kind: 'broken' }
  }
}
