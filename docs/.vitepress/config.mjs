// @ts-check
/** The site. `npm run docs` builds it; `npx vitepress dev docs` shows it while pages are written. */

import { join } from 'node:path'
import { defineConfig } from 'vitepress'
import { copySources, linksOnSite, repositoryOf, slugOf } from '../../tools/docs/links.mjs'
import { sectionsOf } from '../../tools/docs/pages.mjs'
import { ROOT } from '../../tools/workspace.mjs'

const docs = join(ROOT, 'docs')
const base = process.env.DOCS_BASE ?? '/'
const repository = repositoryOf(ROOT)
/** @type {Set<string>} */
const copies = new Set()

const sidebar = sectionsOf(docs).map(({ title, pages, closed }) => ({
  text: title,
  collapsed: closed === true,
  items: pages.map(({ title: text, path }) => ({ text, link: linkOf(path) })),
}))

// biome-ignore lint/style/noDefaultExport: VitePress looks for one
export default defineConfig({
  title: 'Portcullis',
  description: 'Authorization for Socket.IO 4: who may connect, join, send and receive, and for how long',
  lang: 'en',
  base,
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  cacheDir: join(ROOT, 'node_modules', '.cache', 'vitepress'),
  vite: { build: { chunkSizeWarningLimit: 4_000 } },
  rewrites: { 'migrate/README.md': 'migrate/index.md' },
  markdown: {
    languageAlias: { mjs: 'js' },
    anchor: { slugify: slugOf },
    config: (md) => void md.use(linksOnSite({ root: ROOT, docs, repository }, copies)),
  },
  buildEnd: ({ outDir }) => copySources(ROOT, outDir, copies),
  themeConfig: {
    search: {
      provider: 'local',
      options: { _render: renderForSearch, miniSearch: { searchOptions: { boostDocument } } },
    },
    outline: { level: [2, 3] },
    nav: [
      { text: 'Guide', link: '/guide/first-guard' },
      { text: 'API', link: '/reference/' },
      { text: 'Codes', link: '/codes' },
      { text: 'Protocol', link: '/protocol' },
      { text: 'Threat model', link: '/threat-model' },
      { text: 'Comparison', link: '/comparison' },
      ...(repository === null ? [] : [{ text: 'Repository', link: repository }]),
    ],
    sidebar,
    docFooter: { prev: 'Before', next: 'Next' },
  },
})

/**
 * Every page is rendered a second time for the index of the search, which has no use for colours.
 *
 * @param {string} text
 * @param {import('vitepress').MarkdownEnv} env
 * @param {import('vitepress').MarkdownRenderer} md
 */
function renderForSearch(text, env, md) {
  md.options.highlight = null
  return md.render(text, env)
}

/** The guide before the API, of which there is more. It runs in the browser: nothing of this file is there. @param {string} id */
function boostDocument(id) {
  return id.includes('/reference/') || id.includes('/decisions/') ? 0.2 : 1
}

/** @param {string} path */
function linkOf(path) {
  return `/${path.replace(/(?:README|index)\.md$/, '').replace(/\.md$/, '')}`
}
