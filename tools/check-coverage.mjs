// @ts-check
/** `npm run coverage`: runs the unit tests of the code that decides, and names each line and branch of `core/` that none of them reaches. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { startVitest } from 'vitest/node'
import { conclude } from './outcome.mjs'
import { ROOT } from './workspace.mjs'

const CORE = 'packages/portcullis/src/core'

/**
 * @typedef {{ start: { line: number } }} Range
 * @typedef {object} FileCoverage What Istanbul's reports say of one file, as far as it is read here.
 * @property {string} path
 * @property {Record<string, Range>} statementMap
 * @property {Record<string, number>} s
 * @property {Record<string, { type: string; loc: Range; locations: Range[] }>} branchMap
 * @property {Record<string, number[]>} b
 * @property {Record<string, { name: string; loc: Range }>} fnMap
 * @property {Record<string, number>} f
 */

/**
 * @param {FileCoverage} file
 * @returns {string[]} what was never reached, each with its line
 */
function missedIn({ path, statementMap, s, branchMap, b, fnMap, f }) {
  const name = relative(ROOT, path)
  const at = (/** @type {Range | undefined} */ range, /** @type {string} */ what) =>
    `${name}:${range?.start.line}: ${what} is reached by no test of test/core or test/decision`
  return [
    ...Object.keys(s).flatMap((id) => (s[id] === 0 ? [at(statementMap[id], 'a statement')] : [])),
    ...Object.keys(f).flatMap((id) => (f[id] === 0 ? [at(fnMap[id]?.loc, `the function ${fnMap[id]?.name}`)] : [])),
    ...Object.entries(b).flatMap(([id, counts]) =>
      counts.flatMap((count, i) =>
        count === 0 ? [at(branchMap[id]?.loc, `branch ${i + 1} of ${counts.length} (${branchMap[id]?.type})`)] : [],
      ),
    ),
  ]
}

/**
 * @param {readonly FileCoverage[]} files
 * @param {'s' | 'f' | 'b'} kind
 */
function count(files, kind) {
  return files.flatMap((file) => Object.values(file[kind]).flat()).length
}

const folder = mkdtempSync(join(tmpdir(), 'portcullis-coverage-'))
try {
  const vitest = await startVitest('test', [], {
    root: ROOT,
    config: join(ROOT, 'vitest.mutation.config.ts'),
    watch: false,
    reporters: ['default'],
    coverage: {
      enabled: true,
      provider: 'v8',
      include: [`${CORE}/**/*.ts`],
      reporter: ['json'],
      reportsDirectory: folder,
    },
  })
  await vitest.close()
  if (process.exitCode) throw new Error('the tests themselves fail')
  /** @type {FileCoverage[]} */
  const files = Object.values(JSON.parse(readFileSync(join(folder, 'coverage-final.json'), 'utf8')))
  if (count(files, 'b') === 0) throw new Error(`no branch was found in ${CORE}`)
  conclude(
    'check-coverage',
    files.flatMap(missedIn),
    `${count(files, 'b')} branches, ${count(files, 's')} statements and ${count(files, 'f')} functions of ${files.length} files in core/: all reached`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
