// @ts-check
/** The scenarios, each a file `scenarios/fNN-what.mjs`. */

import { readdir } from 'node:fs/promises'

const FOLDER = new URL('scenarios/', import.meta.url)

/** In their order; all when none is named. @param {string[]} ids @throws TypeError for an id that is none */
export async function chosen(ids) {
  const files = (await readdir(FOLDER)).filter((name) => /^f\d\d-[a-z0-9-]+\.mjs$/.test(name)).sort()
  const known = files.map((name) => ({ name, id: `F${Number(name.slice(1, 3))}` }))
  const unknown = ids.filter((id) => !known.some((each) => each.id === id))
  if (unknown.length > 0) throw new TypeError(`no such fault: ${unknown.join(', ')}`)
  const wanted = known.filter(({ id }) => ids.length === 0 || ids.includes(id))
  return Promise.all(
    wanted.map(async ({ name }) => {
      const file = new URL(name, FOLDER).href
      const { scenario } = /** @type {{ scenario: import('./scenario.mjs').Scenario }} */ (await import(file))
      return { file, ...scenario }
    }),
  )
}
