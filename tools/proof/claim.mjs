// @ts-check
/** How a claim is written down: what is said, and one or more proofs of it. */

import { line, report } from './figures.mjs'

/**
 * @typedef {import('./tests.mjs').Tests} Tests
 * @typedef {import('./figures.mjs').Reader} Reader
 * @typedef {import('./commands.mjs').CommandName} CommandName
 *
 * @typedef {object} ByCommand
 * @property {CommandName} command
 * @property {Reader} read
 * @property {boolean} [quotes] the sentence has the figures itself, which have to be those last seen
 * @property {string} [known] why it does not hold, where that is known; the page says so
 *
 * @typedef {{ tests: readonly Tests[]; known?: string } | ByCommand} Proof
 *
 * @typedef {object} Claim
 * @property {string} name
 * @property {string} says
 * @property {string | null} [in] default README.md; null for what the project promises elsewhere, of which `says` is the text
 * @property {readonly Proof[]} proofs
 */

/** A part of README.md. @param {string} name @param {string} says @param {...Proof} proofs @returns {Claim} */
export const claim = (name, says, ...proofs) => ({ name, says, proofs })

/** Of another file. @param {string} file @param {string} name @param {string} says @param {...Proof} proofs @returns {Claim} */
export const claimOf = (file, name, says, ...proofs) => ({ name, in: file, says, proofs })

/** Of none. @param {string} name @param {string} says @param {...Proof} proofs @returns {Claim} */
export const beyond = (name, says, ...proofs) => ({ name, in: null, says, proofs })

/** @param {...Tests} tests @returns {Proof} */
export const tests = (...tests) => ({ tests })

/** @param {CommandName} command @param {Reader} read @param {{ quotes?: boolean; known?: string }} [more] @returns {Proof} */
export const run = (command, read, more = {}) => ({ command, read, ...more })

/** @param {string} path @param {...string} titles @returns {Tests} */
export const library = (path, ...titles) => [`packages/portcullis/test/${path}.test.ts`, ...titles]

/** @param {string} path @param {...string} titles @returns {Tests} */
export const gateway = (path, ...titles) => [`packages/gateway/test/${path}.test.ts`, ...titles]

/** @param {string} path @param {...string} titles @returns {Tests} */
export const inspector = (path, ...titles) => [`packages/inspector/test/${path}.test.ts`, ...titles]

export const CHAOS = report(({ runs, leaks, lost, alive }) => ({
  figure: `${runs} revocations among faults: ${leaks.length} leaks, ${lost.length} lost, ${alive.length} alive`,
  holds: leaks.length + lost.length + alive.length === 0,
}))
export const SIMULATE = line(
  /^(\d+ seeds, \d+ steps) in .*: (\d+) failed/,
  '$1: $2 failed',
  ([, , failed]) => failed === '0',
)
export const INSTALL = line(/^check-install: (.*)/, '$1')
export const ATTACKS = line(/^check-attacks: (.*)/, '$1')
