// @ts-check
/** Stands for your table of users. The passwords are made anew at each start, and kept as hashes. */

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(scrypt)

/**
 * @typedef {object} User
 * @property {string} id never given to somebody else later
 * @property {string} name
 */

/** @param {readonly string[]} names */
export async function demoUsers(names) {
  const logins = names.map((name) => ({ name, password: randomBytes(9).toString('hex') }))
  /** @type {Map<string, User & { salt: Buffer, hash: Buffer }>} */
  const table = new Map()
  for (const [i, { name, password }] of logins.entries()) {
    const salt = randomBytes(16)
    table.set(name, { id: String(i + 1), name, salt, hash: await hashOf(password, salt) })
  }
  const nobody = { salt: randomBytes(16), hash: randomBytes(64) }

  return {
    /** To be printed at the start. */
    logins,
    /**
     * The user, when the password is right. Takes as long for a name that nobody has.
     *
     * @param {unknown} name
     * @param {unknown} password
     * @returns {Promise<User | null>}
     */
    async verify(name, password) {
      const user = typeof name === 'string' ? table.get(name) : undefined
      const { salt, hash } = user ?? nobody
      const fits = timingSafeEqual(await hashOf(typeof password === 'string' ? password : '', salt), hash)
      return fits && user !== undefined ? { id: user.id, name: user.name } : null
    },
    /**
     * @param {string} id
     * @returns {User | null}
     */
    find(id) {
      const user = [...table.values()].find((each) => each.id === id)
      return user === undefined ? null : { id: user.id, name: user.name }
    },
  }
}

/**
 * @param {string} password
 * @param {Buffer} salt
 */
async function hashOf(password, salt) {
  return /** @type {Buffer} */ (await derive(password.normalize(), salt, 64))
}
