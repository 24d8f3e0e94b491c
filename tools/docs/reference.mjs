// @ts-check
/** The reference: a page for each published subpath of the library, made by TypeDoc from its doc comments. */

import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, LogLevel } from 'typedoc'
import { filesBelow, readManifest } from '../workspace.mjs'

/**
 * @param {string} root
 * @param {string} folder into which the pages are written; it is emptied first
 * @returns {Promise<{ pages: string[]; undocumented: string[] }>} `undocumented`: what is exported without a doc comment
 */
export async function writeReference(root, folder) {
  rmSync(folder, { recursive: true, force: true })
  const subpaths = subpathsOf(root)
  const app = await Application.bootstrapWithPlugins({
    options: join(root, 'typedoc.json'),
    entryPoints: [...subpaths.values()],
    tsconfig: join(root, 'tsconfig.json'),
    out: folder,
    logLevel: LogLevel.Error,
  })
  const project = await app.convert()
  if (project === undefined) throw new Error('typedoc could not read the library')
  const names = [...subpaths.keys()]
  const undocumented = []
  for (const module of project.children ?? []) {
    // A module is called what an application imports, and its page is found there.
    const subpath = names.find((name) => fileOf(name) === module.name)
    if (subpath === undefined) throw new Error(`typedoc: no subpath is called ${module.name}`)
    module.name = subpath
    for (const each of module.children ?? []) {
      const documented = each.hasComment() || each.signatures?.some((signature) => signature.hasComment())
      if (documented !== true && !each.isReference()) undocumented.push(`${subpath}: ${each.name}`)
    }
  }
  await app.generateOutputs(project)
  if (app.logger.hasErrors()) throw new Error('typedoc reported errors')
  const pages = filesBelow(folder, (name) => name.endsWith('.md'))
  for (const path of pages) writeFileSync(path, forVue(readFileSync(path, 'utf8')))
  const about = new Map(
    [...subpaths].map(([subpath, source]) => [subpath, firstSentence(readFileSync(source, 'utf8'))]),
  )
  writeFileSync(join(folder, 'index.md'), overview(about, folder))
  for (const [subpath, sentence] of about) {
    const path = pageOf(folder, subpath)
    writeFileSync(path, readFileSync(path, 'utf8').replace(`# ${subpath}\n`, `# ${subpath}\n\n${sentence}\n`))
  }
  return { pages, undocumented }
}

/** The list of the subpaths, each with the sentence that its source begins with. @param {Map<string, string>} about @param {string} folder */
function overview(about, folder) {
  const groups = new Map()
  for (const [subpath, sentence] of about) {
    const [, group = '', name] = subpath.split('/')
    const key = name === undefined ? '' : group
    const link = pageOf('.', subpath, folder)
    groups.set(key, [...(groups.get(key) ?? []), `| [${subpath}](${link}) | ${sentence} |`])
  }
  const parts = [...groups].map(([group, rows]) => {
    const heading = group === '' ? '' : `## ${group}\n\n`
    return `${heading}| import | |\n|---|---|\n${rows.join('\n')}\n`
  })
  const intro =
    'Every published subpath of the library, from its doc comments. What an option is when it is left out stands with the option.'
  return `# API\n\n${intro}\n\n${parts.join('\n')}`
}

/** A module that is a namespace as well has a folder. @param {string} folder @param {string} subpath @param {string} [there] */
function pageOf(folder, subpath, there = folder) {
  const flat = `${subpath}.md`
  return join(folder, existsSync(join(there, flat)) ? flat : join(subpath, 'index.md'))
}

/** @param {string} text */
function firstSentence(text) {
  const comment = /^\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ''
  const plain = comment
    .replace(/^\s*\*/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
  return /^.*?\.(?=\s|$)/.exec(plain)?.[0] ?? plain
}

/** `portcullis/strategies/jwt` → its source. @param {string} root @returns {Map<string, string>} */
function subpathsOf(root) {
  const folder = join(root, 'packages', 'portcullis')
  const { name, exports = {} } = readManifest(folder)
  /** @type {Map<string, string>} */
  const found = new Map()
  for (const [subpath, target] of Object.entries(exports)) {
    const file = typeof target === 'string' ? undefined : target.default
    const source = file?.replace('./dist/', 'src/').replace(/\.js$/, '.ts')
    if (source !== undefined) found.set(`${name}${subpath.slice(1)}`, join(folder, source))
  }
  return found
}

/** What TypeDoc calls the module of a subpath. @param {string} subpath */
function fileOf(subpath) {
  const rest = subpath.split('/').slice(1).join('/')
  return rest === '' ? 'index' : rest
}

/**
 * VitePress compiles a page as a Vue template, in which `{{` begins an expression. It takes no anchor twice, also not one that it makes by
 * itself of a heading to which TypeDoc gave none: such a heading gets a number.
 *
 * @param {string} text
 */
function forVue(text) {
  let unnamed = 0
  return text
    .replaceAll('{{', '&#123;&#123;')
    .replace(/\n#+ (Inherited from|Overrides)\n\n[^\n]+\n/g, '')
    .replace(/^#{2,6} .*$/gm, (heading) => {
      if (heading.endsWith('}')) return heading
      unnamed += 1
      return `${heading} {#part-${unnamed}}`
    })
}
