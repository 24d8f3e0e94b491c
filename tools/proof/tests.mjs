// @ts-check
/** What a run of Vitest says of the tests that prove a claim. */

import { readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'

/** @typedef {readonly [file: string, ...titles: string[]]} Tests a file, and parts of the titles that count; without any, all of them */

/**
 * @typedef {object} VitestReport Of its JSON reporter, as far as it is read here.
 * @property {number} startTime
 * @property {{ name: string; assertionResults: { fullName: string; status: string }[] }[]} testResults
 */

/**
 * @param {VitestReport} report
 * @param {string} root
 * @param {readonly Tests[]} wanted
 * @returns {import('./figures.mjs').Figure | null} null when one of them did not run
 */
export function figureOf({ testResults }, root, wanted) {
  let passed = 0
  let failed = 0
  for (const [file, ...titles] of wanted) {
    const ran = testResults.filter(({ name }) => relative(root, name).split(sep).join('/') === file)
    const results = ran.flatMap(({ assertionResults }) => assertionResults)
    for (const title of titles.length === 0 ? [''] : titles) {
      const found = results.filter(({ fullName }) => fullName.includes(title))
      const good = found.filter(({ status }) => status === 'passed').length
      const bad = found.filter(({ status }) => status === 'failed').length
      if (good + bad === 0) return null
      passed += good
      failed += bad
    }
  }
  const figure = `${passed} ${passed === 1 ? 'test passes' : 'tests pass'}${failed > 0 ? `, ${failed} fail` : ''}`
  return { figure, holds: failed === 0 }
}

/** What is named and not there. @param {string} root @param {readonly Tests[]} wanted @returns {string[]} */
export function findMissingTests(root, wanted) {
  return wanted.flatMap(([file, ...titles]) => {
    let text = ''
    try {
      text = readFileSync(join(root, file), 'utf8')
    } catch {
      return [`${file} does not exist`]
    }
    return titles.filter((title) => !text.includes(title)).map((title) => `${file} has no test "${title}"`)
  })
}
