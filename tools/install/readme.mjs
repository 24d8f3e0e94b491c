// @ts-check
/** The programs of the README, as they stand there. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readMarkdown } from '../snippets/markdown.mjs'

/** @typedef {{ server: string; browser: string; gateway: string; commonjs: string }} Examples */

/**
 * @param {string} root
 * @returns {Examples}
 * @throws Error when the README has no longer the one that is meant
 */
export function readExamples(root) {
  const { fences } = readMarkdown(readFileSync(join(root, 'README.md'), 'utf8'))
  /** @param {string} language @param {RegExp} mark */
  const find = (language, mark) => {
    const found = fences.filter((fence) => fence.language === language && fence.lines.some((line) => mark.test(line)))
    if (found[0] === undefined || found.length > 1)
      throw new Error(`README.md has ${found.length} examples in ${language} with ${mark.source}, and not one`)
    return found[0].lines
  }
  return {
    server: `${find('ts', /createAuth\(/).join('\n')}\n`,
    browser: `${find('ts', /withAuth\(/).join('\n')}\n`,
    gateway: `${find('yaml', /^namespaces:/).join('\n')}\n`,
    commonjs: `${find('diff', /require\(/)
      .filter((line) => line.startsWith('+'))
      .map((line) => line.slice(1))
      .join('\n')}\n`,
  }
}

/**
 * One address for another, which has to be there.
 *
 * @param {string} program
 * @param {string} from
 * @param {string} to
 */
export function readdress(program, from, to) {
  if (!program.includes(`"${from}"`) && !program.includes(`'${from}'`))
    throw new Error(`the README's example no longer speaks to ${from}`)
  return program.replaceAll(from, to)
}
