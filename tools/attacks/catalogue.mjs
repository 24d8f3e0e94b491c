// @ts-check
/** The attacks and faults that the tests play: an id, where it strikes, and what it is, in a few words. */

import { authority } from './authority.mjs'
import { credentials } from './credentials.mjs'
import { faults } from './faults.mjs'
import { service } from './service.mjs'
import { sessions } from './sessions.mjs'
import { tokens } from './tokens.mjs'

/** @typedef {readonly [id: string, level: string, what: string]} Row */
/** @typedef {{ name: string; rows: readonly Row[] }} Group */

/** @type {readonly Group[]} */
export const CATALOGUE = [...tokens, ...sessions, ...credentials, ...authority, ...service, faults]

/** Where the names of the tests would say more than the guarantee: the table then has their files alone. */
export const UNNAMED = new Set(['R16', 'R17', 'F11'])
