/** Somebody at the inspector, without a browser. */

import { PASSWORDS } from './newsroom.ts'

/** An answer, read. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of every shape
  readonly body: any
}

/** Sends requests with a cookie. */
export interface Asker {
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

export function asker(url: string, cookie?: string): Asker {
  const own: Record<string, string> = cookie === undefined ? {} : { cookie }
  return {
    get: async (path, headers = {}) =>
      read(await fetch(url + path, { headers: { ...own, ...headers }, redirect: 'manual' })),
    post: async (path, body = {}, headers = {}) =>
      read(
        await fetch(url + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...own, ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        }),
      ),
  }
}

/** Logs in; the cookie as a browser sends it back. */
export async function logIn(url: string, name: keyof typeof PASSWORDS = 'ada'): Promise<string> {
  const { headers } = await asker(url).post('api/sign-in', { name, password: PASSWORDS[name] })
  return headers.get('set-cookie')?.split(';')[0] ?? ''
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : null }
}
