// @ts-check
/**
 * `npm run attacks`: refuses a row of the catalogue that no test plays, a test that names none, and a table in docs/security.md
 * that is not as the tests are. Usage: check-attacks.mjs [--write] [root]
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { CATALOGUE, UNNAMED } from './attacks/catalogue.mjs'
import { attackTable } from './attacks/table.mjs'
import { playedByProgram, playedByTests } from './attacks/titles.mjs'
import { conclude } from './outcome.mjs'
import { filesBelow, ROOT } from './workspace.mjs'

/** @typedef {import('./attacks/catalogue.mjs').Group} Group */
/** @typedef {import('./attacks/table.mjs').Player} Player */

/** Those of `examples` name what they show by other ids. */
const FOLDERS = ['packages', 'test', 'faults', 'fuzz', 'simulation']
/** What follows on the page is written by this program. */
const MARK = '<!-- from the tests, by `npm run attacks -- --write` -->'
const PAGE = join('docs', 'security.md')

/**
 * @param {string} root
 * @param {readonly Group[]} [catalogue]
 * @returns {{ violations: string[]; current: string; text: string; summary: string }}
 */
export function checkAttacks(root, catalogue = CATALOGUE) {
  const known = new Set(catalogue.flatMap(({ rows }) => rows.map(([id]) => id)))
  /** @type {Map<string, Player[]>} */
  const players = new Map()
  /** @type {string[]} */
  const violations = []
  for (const [path, played] of programs(root)) {
    for (const { ids, title } of played) {
      for (const id of ids) {
        if (known.has(id)) players.set(id, [...(players.get(id) ?? []), { path, title }])
        else violations.push(`${path}: ${id} is no row of the catalogue`)
      }
    }
  }
  for (const id of known) if (!players.has(id)) violations.push(`${id}: no test plays it`)
  const current = readFileSync(join(root, PAGE), 'utf8')
  if (!current.includes(MARK)) throw new Error(`${PAGE} has no line ${MARK}`)
  const table = attackTable(catalogue, players, UNNAMED, 'docs')
  const text = `${current.split(MARK)[0]}${MARK}\n\n${table}`
  const count = [...players.values()].reduce((sum, { length }) => sum + length, 0)
  return { violations, current, text, summary: `${known.size} rows, played ${count} times` }
}

/** @param {string} root @returns {[path: string, import('./attacks/titles.mjs').Played[]][]} */
function programs(root) {
  return FOLDERS.flatMap((folder) => filesBelow(join(root, folder), (name) => /\.test\.ts$|\.mjs$/.test(name)))
    .map((file) => /** @type {const} */ ([relative(root, file).replaceAll(sep, '/'), readFileSync(file, 'utf8')]))
    .map(([path, text]) => [path, [...(path.endsWith('.ts') ? playedByTests(path, text) : playedByProgram(text))]])
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({ options: { write: { type: 'boolean' } }, allowPositionals: true })
  const root = resolve(positionals[0] ?? ROOT)
  const { violations, current, text, summary } = checkAttacks(root)
  if (values.write) writeFileSync(join(root, PAGE), text)
  else if (text !== current) violations.push(`${PAGE} is not as the tests are: run \`npm run attacks -- --write\``)
  conclude('check-attacks', violations, summary)
}
