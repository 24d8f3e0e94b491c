// @ts-check
/**
 * `npm run docs`: builds the documentation site into docs/.vitepress/dist. What is generated and committed (parts of the pages of the
 * codes, the table of limits, llms.txt) is written first; with `--check` it is only compared, for CI. `--keep-reference` leaves the pages of the API in
 * docs/reference, for `npx vitepress dev docs`. Usage: docs.mjs [--check] [--keep-reference]
 */

import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { findDeadLinksOf } from './docs/built-links.mjs'
import { codePages } from './docs/code-pages.mjs'
import { limitsTable } from './docs/limits-table.mjs'
import { llmsText, writeForModels } from './docs/llms.mjs'
import { lostPages } from './docs/pages.mjs'
import { writeReference } from './docs/reference.mjs'
import { conclude } from './outcome.mjs'
import { ROOT } from './workspace.mjs'

const docs = join(ROOT, 'docs')
const site = join(docs, '.vitepress', 'dist')
const reference = join(docs, 'reference')

/**
 * What is generated and committed, against what is there.
 *
 * @param {string} root
 * @returns {Promise<{ written: import('./docs/code-pages.mjs').Written[]; violations: string[] }>}
 */
export async function generated(root) {
  const { pages, violations } = await codePages(root)
  const lost = lostPages(join(root, 'docs')).map(
    (path) => `docs/${path}: it stands in no section of tools/docs/pages.mjs`,
  )
  return { written: [...pages, limitsTable(root), llmsText(root)], violations: [...violations, ...lost] }
}

/** @param {string} root @param {readonly import('./docs/code-pages.mjs').Written[]} written @returns {string[]} */
export function staleIn(root, written) {
  return written
    .filter(({ text, current }) => text !== current)
    .map(({ path }) => `${relative(root, path)} is not as the sources are: run \`npm run docs\``)
}

/** @param {{ check: boolean; keep: boolean }} options */
async function build({ check, keep }) {
  const startedAt = performance.now()
  rmSync(reference, { recursive: true, force: true })
  const { written, violations } = await generated(ROOT)
  if (check) violations.push(...staleIn(ROOT, written))
  else for (const { path, text, current } of written) if (text !== current) writeFileSync(path, text)
  if (violations.length > 0) return conclude('docs', violations, '')
  try {
    const { undocumented } = await writeReference(ROOT, reference)
    violations.push(...undocumented.map((name) => `${name} is exported without a doc comment`))
    const { build: buildSite } = await import('vitepress')
    await buildSite(docs)
    writeForModels(ROOT, site)
  } finally {
    if (!keep) rmSync(reference, { recursive: true, force: true })
  }
  const found = findDeadLinksOf(site, process.env.DOCS_BASE ?? '/')
  violations.push(...found.violations)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  const { version } = JSON.parse(readFileSync(join(ROOT, 'packages', 'portcullis', 'package.json'), 'utf8'))
  conclude(
    'docs',
    violations,
    `${found.pages} pages of ${version}, ${found.links} links lead somewhere, in ${seconds} s`,
  )
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, 'keep-reference': { type: 'boolean' } } })
  await build({ check: values.check === true, keep: values['keep-reference'] === true })
}
