// @ts-check
/** The table of docs/security.md: every row of the catalogue with the tests that play it. */

import { basename, relative, sep } from 'node:path'

/** @typedef {import('./catalogue.mjs').Group} Group */
/** @typedef {{ path: string; title: string }} Player `path` from the root, with `/` */

const MAX_TITLE_LENGTH = 120

/**
 * @param {readonly Group[]} catalogue
 * @param {ReadonlyMap<string, readonly Player[]>} players by id
 * @param {ReadonlySet<string>} unnamed ids whose tests are linked without their names
 * @param {string} folder of the page, from the root
 */
export function attackTable(catalogue, players, unnamed, folder) {
  return catalogue
    .map(({ name, rows }) => {
      const lines = rows.map(([id, level, what]) => {
        const links = linksOf(players.get(id) ?? [], unnamed.has(id), folder)
        return `| <a id="${id.toLowerCase()}"></a>${id} | ${what} | ${level} | ${links} |\n`
      })
      return `### ${name}\n\n| | attack | where | played by |\n|---|---|---|---|\n${lines.join('')}`
    })
    .join('\n')
}

/** One link for each file, in the order of their paths. @param {readonly Player[]} players @param {boolean} unnamed @param {string} folder */
function linksOf(players, unnamed, folder) {
  /** @type {Map<string, string[]>} */
  const files = new Map()
  for (const { path, title } of [...players].sort((a, b) => compare(a.path, b.path))) {
    const titles = files.get(path) ?? []
    if (!titles.includes(title)) titles.push(title)
    files.set(path, titles)
  }
  return [...files]
    .map(([path, titles]) => {
      const link = `[${basename(path)}](${relative(folder, path).replaceAll(sep, '/')})`
      const [first = '', ...others] = titles.filter((title) => title !== '')
      if (unnamed || first === '') return link
      return `${link}: ${plain(first)}${others.length === 0 ? '' : `, and ${others.length} more`}`
    })
    .join('<br>')
}

/** @param {string} a @param {string} b */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0
}

/** As text of a cell, for GitHub and for a site that runs templates. @param {string} title */
function plain(title) {
  // What a test of many rows puts into its name, row by row.
  const line = title
    .replace(/%(?:\.\d+)?[sdijfo]/g, '…')
    .replace(/\s+/g, ' ')
    .trim()
  const cut = line.length > MAX_TITLE_LENGTH ? `${line.slice(0, MAX_TITLE_LENGTH).trimEnd()}…` : line
  return cut
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('{', '&#123;')
    .replace(/[\\`*_[\]|]/g, '\\$&')
}
