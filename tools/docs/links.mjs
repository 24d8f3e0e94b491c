// @ts-check
/**
 * Links of the documentation that lead out of it, to sources and tests. On the site they lead to the repository, where package.json or
 * `DOCS_REPOSITORY` says where that is; otherwise to a copy that the site carries, so that no claim is without its test.
 */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, resolve, sep } from 'node:path'

/** Where copies of files of the repository stand on the site. */
export const SOURCES = 'source'

/** @typedef {{ root: string; docs: string; repository: string | null }} Where */

/** `https://…` of the repository, or null. @param {string} root @returns {string | null} */
export function repositoryOf(root) {
  const { repository } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const url = process.env.DOCS_REPOSITORY ?? (typeof repository === 'string' ? repository : repository?.url)
  const found = /^(?:git\+)?(https:\/\/[^#?]+?)(?:\.git)?\/?$/.exec(url ?? '')?.[1]
  return found ?? null
}

/**
 * Where a link of a page leads on the site. Addresses elsewhere and anchors stay as they are.
 *
 * @param {Where} where
 * @param {string} page the Markdown file
 * @param {string} href
 * @returns {string}
 */
export function onSite({ root, docs, repository }, page, href) {
  if (/^([a-z][a-z\d+.-]*:|\/|#)/i.test(href)) return href
  const [path = '', anchor] = href.split('#')
  const target = resolve(dirname(page), decodeURI(path))
  const hash = anchor === undefined ? '' : `#${anchor}`
  const within = relative(docs, target).split(sep).join('/')
  const isPage = !within.startsWith('..') && (within.endsWith('.md') || isFolderOfPages(target))
  if (isPage) {
    const file = within.endsWith('.md') ? within : posix.join(within, 'README.md')
    const from = posix.dirname(relative(docs, page).split(sep).join('/'))
    return posix.relative(from, file.replace(/(^|\/)README\.md$/, '$1index.md')) + hash
  }
  const inRoot = relative(root, target).split(sep).join('/')
  const isFolder = existsSync(target) && statSync(target).isDirectory()
  if (repository !== null) return `${repository}/${isFolder ? 'tree' : 'blob'}/main/${inRoot}${hash}`
  return `/${SOURCES}/${inRoot}${isFolder ? '/index' : ''}.txt`
}

/** @param {string} target */
function isFolderOfPages(target) {
  return existsSync(join(target, 'README.md')) && statSync(target).isDirectory()
}

/**
 * A plugin of markdown-it that sends links where they lead on the site, and remembers what has to be copied there.
 *
 * @param {Where} where
 * @param {Set<string>} copies paths below the root, filled while pages are rendered
 * @returns {(md: { core: { ruler: { push(name: string, rule: (state: any) => void): void } } }) => void}
 */
export function linksOnSite(where, copies) {
  return function plugin(md) {
    md.core.ruler.push('links_on_site', function rule({ tokens, env }) {
      const page = env.realPath ?? env.path
      for (const { children } of tokens) {
        for (const token of children ?? []) {
          if (token.type !== 'link_open') continue
          const href = token.attrGet('href')
          const there = onSite(where, page, href)
          if (there.startsWith(`/${SOURCES}/`))
            copies.add(relative(where.root, resolve(dirname(page), href.split('#')[0])))
          token.attrSet('href', there)
        }
      }
    })
  }
}

/**
 * Copies what pages link to, as plain text; a folder as the list of what is in it.
 *
 * @param {string} root
 * @param {string} site
 * @param {Iterable<string>} paths
 */
export function copySources(root, site, paths) {
  for (const path of paths) {
    const from = join(root, path)
    // The check of the built site says which page links to what is not there.
    if (!existsSync(from)) continue
    const isFolder = statSync(from).isDirectory()
    const to = join(site, SOURCES, `${isFolder ? join(path, 'index') : path}.txt`)
    mkdirSync(dirname(to), { recursive: true })
    if (isFolder) writeFileSync(to, `${path}\n\n${listOf(from).join('\n')}\n`)
    else cpSync(from, to)
  }
}

/** @param {string} folder */
function listOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules' && name !== 'dist')
    .map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    .sort()
}

/** A heading's anchor as GitHub makes it, which the links of the pages are written for. @param {string} heading */
export function slugOf(heading) {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
}
