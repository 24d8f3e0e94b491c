/** A small repository in a temporary folder, for a check to be run on. */

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ROOT } from '../workspace.mjs'

/**
 * Writes the files, with this repository's node_modules beside them; gone when the test ends.
 *
 * @param files by their path; what is no string is written as JSON
 * @returns the root
 */
export function writeTree(files: Readonly<Record<string, unknown>>): string {
  const root = mkdtempSync(join(tmpdir(), 'portcullis-tools-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'))
  for (const [path, content] of Object.entries(files)) {
    const file = join(root, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return root
}
