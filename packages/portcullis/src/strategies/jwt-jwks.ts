/** Keys from a JWKS URL, by way of jose's remote key set, which fetches once for all who wait. */

import { createRemoteJWKSet, customFetch, type FetchImplementation, type JWK } from 'jose'
import { AuthError } from '../errors.ts'
import { isHmac, JWT_ALGORITHMS, type JwtAlgorithm } from './jwt-key-hygiene.ts'
import { type KeySource, soundJwk } from './jwt-keys.ts'
import { own, parseStrictJson } from './strict-json.ts'

/** An answer that takes longer is no answer. Milliseconds. */
const FETCH_TIMEOUT_MS = 1_000
/** A longer answer is cut off. Bytes, after decompression. */
const MAX_JWKS_BYTES = 65_536
const MAX_JWKS_KEYS = 100
/** An unknown `kid` causes a fetch no sooner than this after the last. Milliseconds. */
const COOLDOWN_MS = 5_000
/** A removed key is refused at the latest after this. Milliseconds. */
const MAX_AGE_MS = 600_000
/** After a fetch that failed, the next is not tried for this long. Seconds. */
const RETRY_AFTER_SECONDS = 1

/**
 * Keys from the JWKS at `url`. Fetched at the first token, again when ten minutes old, and for an unknown `kid` at most
 * every 5 s. Redirects are not followed. Secrets, private keys, weak keys and keys not for verifying are left out.
 * Does not keep old keys when the server fails after the ten minutes.
 *
 * @throws TypeError unless `url` is https, or http to a loopback host
 * @see RFC 7517 section 5, RFC 8725 section 3.10
 */
export function remoteKeys(url: URL | string, algorithms?: readonly JwtAlgorithm[]): KeySource {
  const publicOnes = JWT_ALGORITHMS.filter((algorithm) => !isHmac(algorithm))
  const allowed = algorithms ?? publicOnes
  if (allowed.some(isHmac)) throw new TypeError('"algorithms" must name no HMAC algorithm when "keys" is a URL')
  const jwks = createRemoteJWKSet(jwksUrl(url), {
    timeoutDuration: FETCH_TIMEOUT_MS,
    cooldownDuration: COOLDOWN_MS,
    cacheMaxAge: MAX_AGE_MS,
    [customFetch]: withPause((href, init) => fetchSoundKeys(href, init, allowed)),
  })
  return {
    algorithms: new Set(allowed),
    async find(alg, kid) {
      try {
        return [await jwks({ alg, ...(kid === undefined ? {} : { kid }) })]
      } catch (error) {
        const { code } = error as { code?: unknown }
        // Several match: the token had to name its key (OpenID Connect Core 1.0 section 10.1), or two have one name.
        if (code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JWKS_MULTIPLE_MATCHING_KEYS') return []
        throw AuthError.is(error) ? error : unavailable(error)
      }
    },
  }
}

function jwksUrl(value: URL | string): URL {
  let url: URL
  try {
    url = new URL(value)
  } catch {
    // What was given may be a secret: it is not quoted.
    throw new TypeError('"keys" as a string must be the URL of a JWKS; give a secret as a Uint8Array')
  }
  const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) {
    throw new TypeError('"keys" must be an https URL; http is for loopback hosts only')
  }
  if (url.username !== '' || url.password !== '') throw new TypeError('"keys" must be a URL without user and password')
  return url
}

/** jose's cooldown counts from the last success; this one keeps a failing server from being asked for every token. */
function withPause(load: FetchImplementation): FetchImplementation {
  let failedAtMs = Number.NEGATIVE_INFINITY
  return async (href, init) => {
    const sinceMs = Date.now() - failedAtMs
    // Below 0 the clock was set back; that must not make the pause longer.
    if (sinceMs >= 0 && sinceMs < RETRY_AFTER_SECONDS * 1000) throw unavailable()
    try {
      return await load(href, init)
    } catch (error) {
      failedAtMs = Date.now()
      throw unavailable(error)
    }
  }
}

/** Answers with a key set in which every key is sound, public and bound to one algorithm. */
async function fetchSoundKeys(
  href: string,
  init: Parameters<FetchImplementation>[1],
  allowed: readonly JwtAlgorithm[],
): Promise<Response> {
  const response = await fetch(href, init)
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`the key set answered with status ${response.status}`)
  }
  const keys = own(parseStrictJson(await readBounded(response)) ?? {}, 'keys')
  if (!Array.isArray(keys) || keys.length > MAX_JWKS_KEYS) throw new Error('the answer is no key set')
  return Response.json({ keys: keys.map((jwk: unknown) => publicJwk(jwk, allowed)).filter((jwk) => jwk !== null) })
}

function publicJwk(value: unknown, allowed: readonly JwtAlgorithm[]): JWK | null {
  if (typeof value !== 'object' || value === null) return null
  try {
    // No HMAC is allowed here, so a secret fits nothing.
    const sound = soundJwk(value as JWK, allowed)
    if (sound === null) return null
    const { kid, algorithm, key } = sound
    return { ...(key.export({ format: 'jwk' }) as JWK), alg: algorithm, ...(kid === undefined ? {} : { kid }) }
  } catch {
    // One bad key does not spoil the others.
    return null
  }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  // Leaving the loop early cancels the body.
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_JWKS_BYTES) throw new Error(`the key set is longer than ${MAX_JWKS_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function unavailable(cause?: unknown): AuthError {
  return new AuthError('AUTH_UNAVAILABLE', {
    reason: 'key_set_unavailable',
    retryAfterSeconds: RETRY_AFTER_SECONDS,
    ...(cause === undefined ? {} : { cause }),
  })
}
