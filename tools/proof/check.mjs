// @ts-check
/** Whether the claims are those of the READMEs, and each has a command that exists and a figure. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { commandOf } from './commands.mjs'
import { keyOf } from './page.mjs'
import { firstParagraph, readSentences } from './sentences.mjs'
import { findMissingTests } from './tests.mjs'

/** @typedef {import('./claim.mjs').Claim} Claim */
/** @typedef {import('./sentences.mjs').Sentence} Sentence */

const README = 'README.md'
const PACKAGES = ['portcullis', 'gateway', 'inspector'].map((name) => `packages/${name}/README.md`)

/** What each README says. @param {string} root @returns {Map<string, Sentence[]>} */
export function readAll(root) {
  const text = (/** @type {string} */ file) => readFileSync(join(root, file), 'utf8')
  return new Map([
    [README, readSentences(text(README))],
    ...PACKAGES.map((file) => /** @type {[string, Sentence[]]} */ ([file, readSentences(firstParagraph(text(file)))])),
  ])
}

/**
 * The sentence that each claim comes from.
 *
 * @param {readonly Claim[]} claims
 * @param {ReadonlyMap<string, readonly Sentence[]>} said
 * @param {readonly string[]} signposts
 * @returns {{ sentences: Map<Claim, Sentence>; violations: string[] }}
 */
export function matchClaims(claims, said, signposts) {
  /** @type {Map<Claim, Sentence>} */
  const sentences = new Map()
  /** @type {string[]} */
  const violations = []
  const covered = new Set()
  /** @param {string} part @param {string} file @param {string} who */
  const find = (part, file, who) => {
    const found = said.get(file)?.filter(({ text }) => text.includes(part)) ?? []
    if (found.length !== 1)
      violations.push(`${who}: ${file} says "${part}" in ${found.length} sentences, and not in one`)
    for (const sentence of found) covered.add(sentence)
    return found[0]
  }
  for (const claim of claims) {
    if (claim.in === null) continue
    const sentence = find(claim.says, claim.in ?? README, claim.name)
    if (sentence !== undefined) sentences.set(claim, sentence)
  }
  for (const signpost of signposts) find(signpost, README, 'a signpost')
  for (const [file, all] of said) {
    for (const sentence of all) {
      if (!covered.has(sentence))
        violations.push(`${file}:${sentence.line}: "${sentence.text}" has no row in tools/proof/claims.mjs`)
    }
  }
  return { sentences, violations }
}

/**
 * @param {readonly Claim[]} claims
 * @param {ReadonlyMap<Claim, Sentence>} sentences
 * @param {import('./page.mjs').Results} results
 * @param {string} root
 * @returns {string[]}
 */
export function findProofViolations(claims, sentences, results, root) {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const names = claims.map(({ name }) => name)
  const keys = new Set(claims.flatMap((claim) => claim.proofs.map((_, index) => keyOf(claim, index))))
  return [
    ...names.filter((name, index) => names.indexOf(name) !== index).map((name) => `two claims are called ${name}`),
    ...Object.keys(results)
      .filter((key) => !keys.has(key))
      .map((key) => `tools/proof/results.json has a figure of ${key}, which claims nothing`),
    ...claims.flatMap((claim) => [
      ...(claim.proofs.length > 0 ? [] : [`${claim.name} has no proof`]),
      ...claim.proofs.flatMap((proof, index) => {
        const key = keyOf(claim, index)
        const seen = results[key]
        return [
          ...('tests' in proof
            ? findMissingTests(root, proof.tests).map((what) => `${key}: ${what}`)
            : commandOf(proof.command).script in scripts
              ? []
              : [`${key}: package.json has no script "${commandOf(proof.command).script}"`]),
          ...(seen === undefined ? [`${key} has no figure: npm run proof -- --only ${claim.name}`] : []),
          ...(seen?.holds === false && proof.known === undefined ? [`${key} does not hold: ${seen.figure}`] : []),
          ...(seen?.holds === true && proof.known !== undefined ? [`${key} holds, and "known" says why not`] : []),
          ...('quotes' in proof && proof.quotes && seen !== undefined
            ? numbersOf(sentences.get(claim)?.text ?? '')
                .filter((number) => !numbersOf(seen.figure).includes(number))
                .map((number) => `${key}: the README says ${number}, and what was last seen is ${seen.figure}`)
            : []),
        ]
      }),
    ]),
  ]
}

/** Those with a point, as measured ones have. @param {string} text @returns {string[]} */
function numbersOf(text) {
  return text.match(/\d+\.\d+/g) ?? []
}
