// @ts-check
/** What was found, as a file that `--replay` plays again. */

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('findings/', import.meta.url))

/** @typedef {{ what: string, file: string }} Finding */

/** @param {string} what @param {number} seed @param {readonly import('./input.mjs').Input[]} inputs @returns {string} the file */
export function write(what, seed, inputs) {
  const id = createHash('sha256').update(what).update(JSON.stringify(inputs)).digest('hex').slice(0, 12)
  const file = `${FOLDER}${id}.json`
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(file, JSON.stringify(inputs.length === 1 ? { what, seed, input: inputs[0] } : inputs, null, 2))
  return relative(process.cwd(), file)
}
