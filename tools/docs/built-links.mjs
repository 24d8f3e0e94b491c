// @ts-check
/** Whether every link of the built site leads to a file of the site, and to an element that is there. */

import { existsSync, readFileSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'
import { filesBelow } from '../workspace.mjs'

const LINK = /<a\b[^>]*?\shref="([^"]*)"/g
const ID = /\sid="([^"]+)"/g

/**
 * @param {string} site
 * @param {string} base
 * @returns {{ violations: string[]; links: number; pages: number }}
 */
export function findDeadLinksOf(site, base) {
  const pages = filesBelow(site, (name) => name.endsWith('.html'))
  const texts = new Map(pages.map((path) => [relative(site, path).split(sep).join('/'), readFileSync(path, 'utf8')]))
  /** @type {Map<string, Set<string>>} */
  const ids = new Map()
  for (const [file, text] of texts) ids.set(file, new Set([...text.matchAll(ID)].map(([, id = '']) => decode(id))))
  const violations = new Set()
  let links = 0
  for (const [file, text] of texts) {
    for (const [, href = ''] of text.matchAll(LINK)) {
      if (/^(?:[a-z][a-z\d+.-]*:|\/\/)/i.test(href)) continue
      links += 1
      const why = refuse(site, base, file, decode(href), ids)
      if (why !== null) violations.add(`${file}: link to ${href}; ${why}`)
    }
  }
  return { violations: [...violations], links, pages: pages.length }
}

/** @param {string} site @param {string} base @param {string} file @param {string} href @param {Map<string, Set<string>>} ids */
function refuse(site, base, file, href, ids) {
  const [path = '', anchor = ''] = href.split('#')
  if (path.startsWith('/') && !path.startsWith(base)) return `it is outside ${base}`
  const named = path.startsWith('/') ? path.slice(base.length) : posix.join(posix.dirname(file), path)
  const target = path === '' ? file : pageOf(site, named)
  if (target === null) return 'there is no such page'
  return anchor === '' || (ids.get(target)?.has(anchor) ?? true) ? null : 'there is no such heading'
}

/** The file that a server answers with. @param {string} site @param {string} path */
function pageOf(site, path) {
  const candidates = path === '' || path.endsWith('/') ? [`${path}index.html`] : [path, `${path}.html`]
  return candidates.find((candidate) => existsSync(join(site, candidate))) ?? null
}

/** @param {string} text */
function decode(text) {
  return decodeURIComponent(text.replaceAll('&amp;', '&').replaceAll('&quot;', '"'))
}
