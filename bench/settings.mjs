// @ts-check
/** How much is measured: all of it, or as much as two minutes allow. */

import { parseArgs } from 'node:util'

/**
 * @typedef {object} Settings
 * @property {boolean} quick
 * @property {boolean} write whether the report and the plots become files
 * @property {readonly string[] | null} only names of tables; null for all
 */

/** @param {readonly string[]} names of all tables @returns {Settings} @throws TypeError for a flag or a table that does not exist */
export function readSettings(names) {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean' }, write: { type: 'boolean' }, only: { type: 'string' } },
  })
  const only = values.only?.split(',') ?? null
  for (const name of only ?? []) {
    if (!names.includes(name)) throw new TypeError(`no table is called ${name}; there are ${names.join(', ')}`)
  }
  return { quick: values.quick ?? false, write: values.write ?? false, only }
}
