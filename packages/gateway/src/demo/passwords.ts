/** Passwords: bcrypt, with the same work whether or not the user exists. */

import { compare, hash, truncates } from 'bcryptjs'

/** bcrypt's cost: 2^10 rounds, the least that OWASP's Password Storage Cheat Sheet allows; 80 ms of this process here. */
const COST = 10

/**
 * @throws TypeError when the password is longer than the 72 bytes that bcrypt looks at
 */
export async function hashPassword(password: string): Promise<string> {
  if (truncates(password)) throw new TypeError('a password must not be longer than 72 bytes')
  return hash(password, COST)
}

/**
 * True when the password fits the hash. With a null hash (no such user) it takes as long and is false. A password over
 * 72 bytes is false too: bcrypt would ignore its end.
 */
export async function verifyPassword(password: string, passwordHash: string | null): Promise<boolean> {
  const fits = await compare(password, passwordHash ?? (await dummyHash()))
  return fits && passwordHash !== null && !truncates(password)
}

let dummy: Promise<string> | undefined

function dummyHash(): Promise<string> {
  dummy ??= hash('no user has this password', COST)
  return dummy
}
