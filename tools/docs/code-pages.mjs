// @ts-check
/**
 * The pages of the codes. Their text is written by hand in `docs/codes`; what the sources know stands between marks and is written by
 * `npm run docs`: the row of the table in errors.ts, and the words that the audit log may give as the reason.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { filesBelow } from '../workspace.mjs'
import { MEANINGS } from './reason-meanings.mjs'
import { readReasons } from './reasons.mjs'

const ROW = ['<!-- from errors.ts, by `npm run docs` -->', '<!-- end of what is from errors.ts -->']
const REASONS = ['<!-- from the sources, by `npm run docs` -->', '<!-- end of what is from the sources -->']
const SECTIONS = ['## What the client sees', '## When', '## What a client does', '## What to look at', '## Shown by']
const SOURCE = '../../packages/portcullis/src'
const JSON_BLOCK = /^```json\n([\s\S]*?)^```$/gm

/** @typedef {{ http: number; retry: string; message: string; spec: string }} Entry */
/** @typedef {{ path: string; current: string; text: string }} Written */

/**
 * @param {string} root
 * @returns {Promise<{ pages: Written[]; violations: string[] }>}
 */
export async function codePages(root) {
  const folder = join(root, 'docs', 'codes')
  const codes = await codesOf(root)
  const reasons = readReasons(root)
  /** @type {string[]} */
  const violations = []
  const pages = [...codes].flatMap(([code, entry]) => {
    const path = join(folder, `${code}.md`)
    if (!existsSync(path)) {
      violations.push(`docs/codes/${code}.md: every code has a page`)
      return []
    }
    const current = readFileSync(path, 'utf8')
    violations.push(...wrongIn(code, entry, current).map((what) => `docs/codes/${code}.md: ${what}`))
    const byWord = reasons.get(code) ?? new Map()
    const text = between(between(current, ROW, rowOf(entry)), REASONS, reasonsOf(byWord))
    return [{ path, current, text }]
  })
  const words = new Set([...reasons.values()].flatMap((byWord) => [...byWord.keys()]))
  violations.push(...meaningsAgainst(words))
  for (const path of filesBelow(folder)) {
    if (!pages.some((page) => page.path === path))
      violations.push(`${path.slice(root.length + 1)}: no code has this name`)
  }
  return { pages, violations }
}

/** The table itself, not a copy: Node strips the types. @param {string} root @returns {Promise<Map<string, Entry>>} */
async function codesOf(root) {
  const path = join(root, 'packages', 'portcullis', 'src', 'errors.ts')
  const { default: ts } = await import('typescript')
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 }
  const { outputText } = ts.transpileModule(readFileSync(path, 'utf8'), { compilerOptions: options })
  const { CODES } = await import(
    `data:text/javascript;base64,${Buffer.from(outputText).toString('base64')}#${pathToFileURL(path)}`
  )
  return new Map(Object.entries(CODES))
}

/** @param {string} code @param {Entry} entry @param {string} text @returns {string[]} */
function wrongIn(code, { message, retry }, text) {
  const wrong = []
  if (!text.startsWith(`# ${code}\n`)) wrong.push(`the first line must be "# ${code}"`)
  for (const mark of [...ROW, ...REASONS, ...SECTIONS]) {
    if (text.split('\n').filter((line) => line === mark).length !== 1) wrong.push(`"${mark}" must stand in it once`)
  }
  const bodies = [...text.matchAll(JSON_BLOCK)].flatMap(([, json = '']) => refusalsIn(JSON.parse(json)))
  if (bodies.length === 0) wrong.push('it shows no refusal as JSON')
  for (const body of bodies) {
    if (body.code !== code || body.message !== message || body.retry !== retry) {
      wrong.push(`${JSON.stringify(body)} is not what errors.ts says`)
    }
  }
  if (!/\]\(\.\.\/\.\.\/packages\/[^)]+\.test\.ts\)/.test(text.split('## Shown by')[1] ?? ''))
    wrong.push('no test shows it')
  return wrong
}

/** Objects with a code, however deep. @param {any} value @returns {{ code: string; message: string; retry: string }[]} */
function refusalsIn(value) {
  if (typeof value !== 'object' || value === null) return []
  return 'code' in value ? [value] : Object.values(value).flatMap(refusalsIn)
}

/** @param {string} text @param {readonly string[]} marks @param {string} inside */
export function between(text, [from = '', to = ''], inside) {
  const [start, end] = [text.indexOf(from), text.indexOf(to)]
  return start === -1 || end < start ? text : `${text.slice(0, start)}${from}\n\n${inside}\n\n${text.slice(end)}`
}

/** @param {Entry} entry */
function rowOf({ http, retry, message, spec }) {
  return `| HTTP status | \`retry\` | message | specification |\n|---|---|---|---|\n| ${http} | \`${retry}\` | ${message} | ${spec} |`
}

/** @param {Map<string, Set<string>>} byWord */
function reasonsOf(byWord) {
  if (byWord.size === 0) return 'It has no `reason`: the code says all there is.'
  const rows = [...byWord]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([word, files]) => {
      const where = [...files].sort().map((file) => `[${file.replace(/\.ts$/, '')}](${SOURCE}/${file})`)
      return `| \`${word}\` | ${MEANINGS[word] ?? ''} | ${where.join(', ')} |`
    })
  return `| \`reason\` | means | from |\n|---|---|---|\n${rows.join('\n')}`
}

/** @param {Set<string>} words @returns {string[]} */
function meaningsAgainst(words) {
  const file = 'tools/docs/reason-meanings.mjs'
  return [
    ...[...words]
      .filter((word) => !Object.hasOwn(MEANINGS, word))
      .map((word) => `${file}: no line for the reason "${word}"`),
    ...Object.keys(MEANINGS)
      .filter((word) => !words.has(word))
      .map((word) => `${file}: no source has the reason "${word}"`),
  ]
}
