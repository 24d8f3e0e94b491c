// @ts-check
/**
 * Writes the table of docs/migrate/README.md: every option and behaviour of every old library, as its own page has it. Usage:
 * migrate-table.mjs [--check] [root]; with `--check` it only says whether the table is as the pages are.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ROOT } from './workspace.mjs'

const PAGES = [
  'passport-socketio',
  'socketio-jwt',
  'thream-socketio-jwt',
  'socketio-jwt-auth',
  'socketio-auth',
  'express-socket.io-session',
  'laravel-echo',
  'socketio-0.9',
]

/** What follows in the README is written by this program. */
const MARK = '<!-- from the pages, by `node tools/migrate-table.mjs` -->'

/**
 * @param {string} root
 * @returns {{ path: string, text: string, current: string }}
 */
export function migrateTable(root) {
  const folder = join(root, 'docs', 'migrate')
  const path = join(folder, 'README.md')
  const current = readFileSync(path, 'utf8')
  const head = current.split(MARK)[0] ?? ''
  const sections = PAGES.map((page) => section(page, readFileSync(join(folder, `${page}.md`), 'utf8')))
  return { path, current, text: `${head}${MARK}\n\n${sections.join('\n')}` }
}

/**
 * @param {string} page
 * @param {string} text
 */
function section(page, text) {
  const title = (/^# (?:From )?(.+)$/m.exec(text)?.[1] ?? page).replace(/ to Portcullis$/, '')
  const rows = rowsOf(text).map(([what, here]) => `| ${what} | ${stateOf(here)} | ${withoutState(here)} |\n`)
  return `## ${title}\n\n[${page}.md](${page}.md)\n\n| option or behaviour | | here |\n|---|---|---|\n${rows.join('')}`
}

/**
 * The rows of the tables of two columns; the others say something else.
 *
 * @param {string} text
 * @returns {[string, string][]}
 */
function rowsOf(text) {
  /** @type {[string, string][]} */
  const rows = []
  let inside = false
  for (const line of text.split('\n')) {
    const cells = line.startsWith('|') ? line.slice(1, line.lastIndexOf('|')).split(/(?<!\\)\|/) : []
    if (cells.length !== 2) inside = false
    else if (cells.every((cell) => /^-+$/.test(cell.trim()))) inside = true
    else if (inside) rows.push([(cells[0] ?? '').trim(), (cells[1] ?? '').trim()])
  }
  return rows
}

/**
 * Without what the column beside it says already.
 *
 * @param {string} here
 */
function withoutState(here) {
  const rest = here
    .replace(/^(\*\*)?(kept|new|closed( as a hole)?|refused( at start-up)?)(:?\*\*)?([:.;,]\s*|\s+(?=`)|$)/i, '')
    .trim()
  return rest.charAt(0).toUpperCase() + rest.slice(1)
}

/** @param {string} here */
function stateOf(here) {
  const text = here.replaceAll('**', '').toLowerCase()
  if (/^new\b/.test(text)) return 'new'
  const states = [
    /\bkept\b|^works again|^tolerated/.test(text) ? 'kept' : null,
    /\bclosed(:| as a hole|$)/.test(text) ? 'closed as a hole' : null,
    /\brefused( at start-up|:|,|$| without| for each)/.test(text) && !/^closed/.test(text) ? 'refused' : null,
  ].filter((state) => state !== null)
  return states.length === 0 ? 'changed' : states.join(', ')
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true })
  const { path, text, current } = migrateTable(resolve(positionals[0] ?? ROOT))
  if (!values.check) writeFileSync(path, text)
  else if (text !== current) {
    console.error('docs/migrate/README.md is not as its pages are: run `node tools/migrate-table.mjs`')
    process.exitCode = 1
  }
}
