/** Password hashes: scrypt, with the same work whether or not the user exists. */

import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'

/** N = 2^15, r = 8, p = 3: of the settings that OWASP's Password Storage Cheat Sheet calls equal, one of 32 MiB. */
const COST = { ln: 15, r: 8, p: 3 }
const KEY_BYTES = 32
const SALT_BYTES = 16
/** What a stored hash may ask of this process: 2^17, r = 8 is 128 MiB. */
const MAX = { ln: 17, r: 16, p: 8 }
/** Longer passwords are refused before they are hashed. Characters. */
const MAX_LENGTH = 1_024

const SHAPE = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,88})\$([A-Za-z0-9+/]{43})$/

interface Parsed {
  readonly ln: number
  readonly r: number
  readonly p: number
  readonly salt: Buffer
  readonly key: Buffer
}

/**
 * Hashes a password for `users`, as a PHC string: `$scrypt$ln=15,r=8,p=3$salt$key`. Takes a quarter of a second and 32 MiB, off
 * the event loop. Does not judge the password.
 *
 * @throws TypeError for an empty password, or one of more than 1,024 characters
 */
export async function hashPassword(password: string): Promise<string> {
  if (typeof password !== 'string' || password === '' || password.length > MAX_LENGTH) {
    throw new TypeError(`a password must be a string of 1 to ${MAX_LENGTH} characters`)
  }
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, { ...COST, salt })
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(key)}`
}

/** Null when it is no hash of `hashPassword`, or asks for more work than this process gives. */
export function parseHash(hash: unknown): Parsed | null {
  const match = typeof hash === 'string' ? SHAPE.exec(hash) : null
  if (match === null) return null
  const [ln, r, p] = [Number(match[1]), Number(match[2]), Number(match[3])]
  if (ln < 10 || ln > MAX.ln || r < 1 || r > MAX.r || p < 1 || p > MAX.p) return null
  return { ln, r, p, salt: Buffer.from(match[4] ?? '', 'base64'), key: Buffer.from(match[5] ?? '', 'base64') }
}

/** True when the password fits. With a null hash (no such user) it takes as long as for `another`, and is false. */
export async function verifyPassword(password: string, hash: string | null, another: string): Promise<boolean> {
  const parsed = parseHash(hash)
  const { key, ...cost } = parsed ??
    parseHash(another) ?? { ...COST, salt: Buffer.alloc(16), key: Buffer.alloc(KEY_BYTES) }
  const tooLong = password.length > MAX_LENGTH
  const fits = timingSafeEqual(await derive(tooLong ? '' : password, cost), key)
  return fits && parsed !== null && !tooLong
}

function derive(password: string, { ln, r, p, salt }: Omit<Parsed, 'key'>): Promise<Buffer> {
  const N = 2 ** ln
  const options: ScryptOptions = { N, r, p, maxmem: 128 * N * r + 128 * r * p + 1_048_576 }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, options, (error, key) => (error ? reject(error) : resolve(key)))
  })
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
