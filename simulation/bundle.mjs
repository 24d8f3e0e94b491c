// @ts-check
/** Bundles the simulation together with the library's source, which a bite may change on the way. */

import { join } from 'node:path'
import { rolldown } from 'rolldown'

const ROOT = join(import.meta.dirname, '..')
const SOURCE = join(ROOT, 'packages', 'portcullis', 'src')
const OUTPUT = join(ROOT, 'node_modules', '.cache', 'portcullis-simulation')

/**
 * A defect put in on purpose.
 * @typedef {object} Bite
 * @property {string} name
 * @property {readonly { readonly file: string, readonly from: string, readonly to: string }[]} changes `file` is relative to the
 * library's src; `from` must stand in it exactly once
 * @property {boolean} [recovery] whether Socket.IO's recovery is switched on
 */

/**
 * Returns the path of a program.
 * @param {Bite | null} bite
 * @returns {Promise<string>}
 */
export async function bundle(bite) {
  const waiting = new Set(bite?.changes)
  const build = await rolldown({
    input: join(import.meta.dirname, 'main.ts'),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !id.startsWith('portcullis'),
    resolve: { alias: { 'portcullis/strategies': join(SOURCE, 'strategies'), portcullis: join(SOURCE, 'index.ts') } },
    plugins: [
      {
        name: 'bite',
        transform(code, id) {
          let changed = code
          for (const change of bite?.changes ?? []) {
            if (id !== join(SOURCE, change.file)) continue
            if (changed.split(change.from).length !== 2) {
              throw new Error(`bite "${bite?.name}": ${JSON.stringify(change.from)} must stand once in ${change.file}`)
            }
            changed = changed.replace(change.from, () => change.to)
            waiting.delete(change)
          }
          return changed === code ? null : changed
        },
      },
    ],
  })
  const file = join(OUTPUT, `${bite?.name ?? 'library'}-${process.pid}.mjs`)
  await build.write({ file, format: 'esm', sourcemap: false, codeSplitting: false })
  await build.close()
  for (const { file: missed } of waiting) throw new Error(`bite "${bite?.name}": ${missed} is no part of the library`)
  return file
}
