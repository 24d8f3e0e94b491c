// @ts-check
/** docs/proof.md: each claim, its command, and what was last seen. */

import { commandOf, typed } from './commands.mjs'

/** @typedef {import('./claim.mjs').Claim} Claim */
/** @typedef {import('./claim.mjs').Proof} Proof */
/** @typedef {Record<string, { figure: string; holds: boolean; at: string }>} Results by `keyOf` */

/** @param {Claim} claim @param {number} index of its proof */
export function keyOf({ name }, index) {
  return index === 0 ? name : `${name}/${index + 1}`
}

/**
 * @param {readonly Claim[]} claims
 * @param {ReadonlyMap<Claim, { text: string; section: string }>} sentences
 * @param {Results} results
 */
export function pageOf(claims, sentences, results) {
  /** @type {Map<string, Claim[]>} */
  const sections = new Map()
  for (const claim of claims) {
    const heading = headingOf(claim, sentences.get(claim)?.section ?? '')
    sections.set(heading, [...(sections.get(heading) ?? []), claim])
  }
  const parts = [...sections].map(
    ([heading, members]) =>
      `## ${heading}\n\n| claim | proof | last seen | |\n|---|---|---|---|\n${members.flatMap((claim) => rowsOf(claim, sentences.get(claim)?.text ?? claim.says, results)).join('\n')}`,
  )
  return `${HEAD}\n${parts.join('\n\n')}\n`
}

/** @param {Claim} claim @param {string} section */
function headingOf(claim, section) {
  if (claim.in === null) return 'Beyond the README'
  return claim.in === undefined ? section : claim.in.replace(/^packages\/|\/README\.md$/g, '')
}

/** @param {Claim} claim @param {string} text @param {Results} results */
function rowsOf(claim, text, results) {
  return claim.proofs.map((proof, index) => {
    const seen = results[keyOf(claim, index)]
    const known = seen?.holds === false && proof.known !== undefined ? `. Known: ${cell(proof.known)}` : ''
    const figure =
      seen === undefined ? 'not yet' : `${seen.holds ? '' : '**does not hold**: '}${cell(seen.figure)}${known}`
    return `| ${index === 0 ? cell(text) : ''} | ${proofCell(proof)} | ${figure} | ${seen?.at ?? ''} |`
  })
}

/** @param {Proof} proof */
function proofCell(proof) {
  if (!('tests' in proof)) return `\`${typed(commandOf(proof.command))}\``
  const links = proof.tests.map(([file]) => `[${file.split('/').at(-1)}](../${file})`)
  return `\`npm test\`: ${[...new Set(links)].join(', ')}`
}

/** @param {string} text */
function cell(text) {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('{', '&#123;')
    .replaceAll(/(?<!\\)\|/g, '\\|')
}

const HEAD = `# Proof

Each claim of the README, the command that shows it, and what that command said when it was last run. Written by
\`npm run proof\`; \`npm run proof -- --check\`, in CI, fails when a sentence of the README has no row here, or a row no sentence, command or figure.

\`\`\`sh
npm run proof                        # all of them: some hours
npm run proof -- --only tests        # those that tests show
npm run proof -- --only fuzz,sizes   # by commands, or by the names of claims in tools/proof/claims.mjs
\`\`\`

\`npm test -- FILE\` runs one file of tests. Ratios of \`npm run bench\` are against bare Socket.IO with the same credential; see [bench/RESULTS.md](../bench/RESULTS.md).
`
