// @ts-check
/**
 * The documentation for language models: `llms.txt`, a list of the pages with what each is about (committed), `llms-full.txt`, all of them in
 * one file, and each page as Markdown beside its HTML (made with the site).
 */

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sectionsOf } from './pages.mjs'

const SUMMARY =
  'Decides who may connect to a Socket.IO 4 server, what each connection may join, send and receive, and for how long.'

/** Sections that are made of the sources; they are too long for a file that is committed. */
const MADE = new Set(['API'])

/**
 * @param {string} root
 * @returns {import('./code-pages.mjs').Written}
 */
export function llmsText(root) {
  const docs = join(root, 'docs')
  const path = join(docs, 'public', 'llms.txt')
  const sections = sectionsOf(docs)
    .filter(({ title }) => !MADE.has(title))
    .map(({ title, pages }) => {
      const lines = pages.map((page) => `- [${page.title}](${page.path}): ${firstSentence(join(docs, page.path))}`)
      return `## ${title}\n\n${lines.join('\n')}\n`
    })
  const note = 'Paths are relative to the root of the site. All pages in one file, with the API: llms-full.txt.'
  const text = `# Portcullis\n\n> ${SUMMARY}\n\n${note}\n\n${sections.join('\n')}`
  return { path, text, current: existsSync(path) ? readFileSync(path, 'utf8') : '' }
}

/**
 * Puts the pages into the built site, as they were written.
 *
 * @param {string} root
 * @param {string} site
 */
export function writeForModels(root, site) {
  const docs = join(root, 'docs')
  const pages = sectionsOf(docs).flatMap((section) => section.pages)
  for (const { path } of pages) {
    for (const to of new Set([path, path.replace(/README\.md$/, 'index.md')])) {
      mkdirSync(dirname(join(site, to)), { recursive: true })
      cpSync(join(docs, path), join(site, to))
    }
  }
  const texts = pages.map(({ path }) => `<!-- ${path} -->\n\n${readFileSync(join(docs, path), 'utf8').trim()}\n`)
  writeFileSync(join(site, 'llms-full.txt'), texts.join('\n'))
}

/** Of the first paragraph that is text. @param {string} path */
function firstSentence(path) {
  const paragraphs = readFileSync(path, 'utf8')
    .replace(/^---\n[\s\S]*?\n---\n/, '')
    .split(/\n{2,}/)
  const text = paragraphs.find((each) => /^[A-Za-z`"*[]/.test(each.trim())) ?? ''
  const plain = text
    .replace(/\s+/g, ' ')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
  return /^.*?[.:!?](?=\s|$)/.exec(plain)?.[0]?.replace(/:$/, '.') ?? plain
}
