/** What `createHttpCall()` may be told, and the check of it at start-up. */

import { X509Certificate } from 'node:crypto'
import { knownOptions, LONGEST_TIMER_MS, positive } from '../option-checks.ts'
import { isLoopbackHost } from './address.ts'

/** Options of `createHttpCall`; `url` is required. */
export interface HttpCallOptions {
  /** The one address that is called: `https:`, or `http:` to a loopback host. No user and password. */
  readonly url: string | URL
  /** Milliseconds from the call to the last byte of the answer, waiting included. Default 1000. */
  readonly timeoutMs?: number
  /** A longer answer is refused. Bytes; default 65,536. */
  readonly maxBodyBytes?: number
  /** Requests at the same time. Default 64. */
  readonly maxConcurrent?: number
  /** Calls that wait while so many are under way; one more is refused at once. Default 256; 0 to let none wait. */
  readonly maxQueued?: number
  /** Certificates, in PEM, of the authorities that are trusted instead of the well-known ones. */
  readonly ca?: string | readonly string[]
  /**
   * Whether the host's name may resolve to a private or loopback address. Default false, except that `localhost` may be
   * loopback. Link-local addresses, where clouds keep credentials, are never accepted from a name.
   */
  readonly allowPrivateAddresses?: boolean
  /** Whether `http:` may go to any host: credentials and answers travel in clear, and anyone between can permit. Default false. */
  readonly dangerouslyAllowHttp?: boolean
}

/** The options with their defaults, checked. */
export interface HttpCallSettings {
  readonly url: URL
  readonly timeoutMs: number
  readonly maxBodyBytes: number
  readonly maxConcurrent: number
  readonly maxQueued: number
  readonly ca: string[] | undefined
  readonly allowPrivateAddresses: boolean
}

const OPTIONS = new Set(
  'url timeoutMs maxBodyBytes maxConcurrent maxQueued ca allowPrivateAddresses dangerouslyAllowHttp'.split(' '),
)

/** @throws TypeError that quotes the option, never its value */
export function settingsOf(options: HttpCallOptions): HttpCallSettings {
  knownOptions(options, OPTIONS, 'createHttpCall')
  return Object.freeze({
    url: callUrl(options.url, 'url', flag(options.dangerouslyAllowHttp, 'dangerouslyAllowHttp')),
    timeoutMs: positive(options.timeoutMs ?? 1000, 'timeoutMs', LONGEST_TIMER_MS),
    maxBodyBytes: positive(options.maxBodyBytes ?? 65_536, 'maxBodyBytes', 1_048_576),
    maxConcurrent: count(options.maxConcurrent ?? 64, 'maxConcurrent', 1),
    maxQueued: count(options.maxQueued ?? 256, 'maxQueued', 0),
    ca: authorities(options.ca),
    allowPrivateAddresses: flag(options.allowPrivateAddresses, 'allowPrivateAddresses'),
  })
}

/** The address to call, checked; `option` is what the strategy calls it. */
export function callUrl(value: unknown, option: string, dangerouslyAllowHttp = false): URL {
  const given = typeof value === 'string' || value instanceof URL ? String(value) : ''
  if (!URL.canParse(given)) throw new TypeError(`"${option}" must be an absolute URL`)
  const url = new URL(given)
  if (url.username !== '' || url.password !== '') throw new TypeError(`"${option}" must not contain user and password`)
  if (url.protocol === 'https:') return url
  if (url.protocol === 'http:' && (dangerouslyAllowHttp || isLoopbackHost(url.hostname))) return url
  throw new TypeError(`"${option}" must be https:, or http: to a loopback host, unless "dangerouslyAllowHttp" is true`)
}

function flag(value: unknown, option: string): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw new TypeError(`"${option}" must be true or false`)
  return value ?? false
}

function count(value: unknown, option: string, least: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > 65_536) {
    throw new TypeError(`"${option}" must be a whole number from ${least} to 65536`)
  }
  return value as number
}

function authorities(ca: unknown): string[] | undefined {
  if (ca === undefined) return undefined
  const list: unknown[] = Array.isArray(ca) ? ca : [ca]
  try {
    if (list.length === 0) throw new Error('none')
    for (const one of list) new X509Certificate(typeof one === 'string' ? one : '')
  } catch {
    throw new TypeError('"ca" must be one certificate in PEM, or an array of them')
  }
  return [...(list as string[])]
}
