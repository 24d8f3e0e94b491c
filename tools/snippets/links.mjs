// @ts-check
/** Whether relative links lead to a file of the repository, and to a heading that is there. */

import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { readMarkdown } from './markdown.mjs'

/** @typedef {import('./markdown.mjs').Markdown} Markdown */

/**
 * @param {string} root
 * @param {string} path of the Markdown file
 * @param {Markdown} markdown
 * @returns {string[]}
 */
export function findDeadLinks(root, path, { links, anchors }) {
  return links
    .filter(({ target }) => !/^([a-z][a-z\d+.-]*:|\/\/)/i.test(target))
    .flatMap(({ target, line }) => {
      const [file = '', anchor = ''] = decodeURI(target).split('#')
      const why = refuse(root, path, file, anchor, anchors)
      return why === null ? [] : [`${relative(root, path)}:${line}: link to ${target}; ${why}`]
    })
}

/** @param {string} root @param {string} path @param {string} file @param {string} anchor @param {Set<string>} own */
function refuse(root, path, file, anchor, own) {
  if (file.startsWith('/')) return 'it begins with /, which leads elsewhere on every site that shows this file'
  const target = resolve(dirname(path), file)
  if (file !== '' && !existsSync(target)) return 'there is no such file'
  if (relative(root, target).startsWith('..')) return 'it leaves the repository'
  if (anchor === '') return null
  const anchors = file === '' ? own : anchorsOf(target)
  return anchors === null || anchors.has(anchor) ? null : 'there is no such heading'
}

/** Null for a file in which an anchor may mean anything. @param {string} path */
function anchorsOf(path) {
  const page = statSync(path).isDirectory() ? join(path, 'README.md') : path
  return page.endsWith('.md') && existsSync(page) ? readMarkdown(readFileSync(page, 'utf8')).anchors : null
}
