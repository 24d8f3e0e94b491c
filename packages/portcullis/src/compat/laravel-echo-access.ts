/** Who may use the HTTP API. */

import { createHash, timingSafeEqual } from 'node:crypto'
import { field } from './laravel-echo-names.ts'
import type { ApiRequest, LaravelEchoOptions } from './laravel-echo-options.ts'

export interface ApiAccess {
  /** Digests of the keys, by application. */
  readonly keys: ReadonlyMap<string, Buffer>
  readonly allowQueryKey: boolean
}

/** A shorter one could be guessed, and nothing counts attempts. */
const MIN_KEY_LENGTH = 16

/** @throws TypeError quoting the option */
export function accessOf({ clients = [], allowQueryKey = false }: LaravelEchoOptions): ApiAccess {
  if (!Array.isArray(clients)) throw new TypeError('laravel-echo: "clients" must be an array of { appId, key }')
  const keys = new Map<string, Buffer>()
  for (const client of clients as readonly unknown[]) {
    const [appId, key] = [field(client, 'appId'), field(client, 'key')]
    if (typeof appId !== 'string' || appId === '' || keys.has(appId)) {
      throw new TypeError('laravel-echo: "clients" must have an "appId" each, and no two the same')
    }
    if (typeof key !== 'string' || key.length < MIN_KEY_LENGTH) {
      throw new TypeError(`laravel-echo: "clients" must have a "key" of ${MIN_KEY_LENGTH} characters or more each`)
    }
    keys.set(appId, digest(key))
  }
  if (typeof allowQueryKey !== 'boolean') throw new TypeError('laravel-echo: "allowQueryKey" must be true or false')
  return { keys, allowQueryKey }
}

const NOBODY = digest('')

/** Takes the same time whatever is wrong. The header counts where there is one, as in the old server. */
export function mayUse(
  { keys, allowQueryKey }: ApiAccess,
  appId: string,
  request: ApiRequest,
  query: URLSearchParams,
): boolean {
  const { authorization } = request.headers
  const inQuery = allowQueryKey ? query.getAll('auth_key') : []
  const presented =
    authorization === undefined
      ? inQuery.length === 1
        ? inQuery[0]
        : undefined
      : /^Bearer (\S+)$/i.exec(authorization)?.[1]
  const expected = keys.get(appId)
  const same = timingSafeEqual(digest(presented ?? ''), expected ?? NOBODY)
  return same && expected !== undefined && presented !== undefined
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
