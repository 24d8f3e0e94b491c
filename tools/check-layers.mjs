// @ts-check
/** `npm run layers`: refuses an import that the house's plan does not have. Usage: check-layers.mjs [root] */

import { readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { findViolations } from './layers/violations.mjs'
import { conclude } from './outcome.mjs'
import { filesBelow, ROOT, readManifest } from './workspace.mjs'

const root = process.argv[2] ?? ROOT
const files = new Map(
  ['packages', 'examples', 'bench', 'fuzz']
    .flatMap((folder) => filesBelow(join(root, folder), (name) => /\.[mc]?[jt]s$/.test(name)))
    .map((path) => [relative(root, path).replaceAll(sep, '/'), readFileSync(path, 'utf8')]),
)
const { name, exports = {} } = readManifest(join(root, 'packages', 'portcullis'))
const subpaths = Object.keys(exports).map((subpath) => name + subpath.slice(1))
conclude('check-layers', findViolations(files, subpaths), `${files.size} files keep to the plan`)
