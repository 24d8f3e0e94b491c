/** Files that are shipped beside the code: `openapi`, `schema`, `demo`. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Sources and what is built of them lie at different depths: the folder with package.json is the package. */
const ROOT = rootAbove(dirname(fileURLToPath(import.meta.url)))

/** The absolute path of a file of this package. */
export function packageFile(...parts: readonly string[]): string {
  return join(ROOT, ...parts)
}

/** The version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string }).version
}

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder
  const parent = dirname(folder)
  if (parent === folder) throw new Error('the files of portcullis-gateway are not where it was installed')
  return rootAbove(parent)
}
