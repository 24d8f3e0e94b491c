// @ts-check
/**
 * `npm run proof`: runs what shows the claims of the READMEs, keeps the figures in tools/proof/results.json, and writes docs/proof.md. `--only fuzz,jwt`
 * runs some, by commands, claims or `tests`; `--read` runs nothing, and takes what the commands have left; `--check` refuses claims without a
 * row, a command or a figure, and a page that is not as the figures are. Usage: proof.mjs [--only names | --read | --check] [root]
 */

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { conclude } from './outcome.mjs'
import { findProofViolations, matchClaims, readAll } from './proof/check.mjs'
import { CLAIMS, SIGNPOSTS } from './proof/claims.mjs'
import { commandOf, TESTS, typed } from './proof/commands.mjs'
import { keyOf, pageOf } from './proof/page.mjs'
import { figureOf } from './proof/tests.mjs'
import { ROOT } from './workspace.mjs'

/** @typedef {import('./proof/claim.mjs').Claim} Claim */

const PAGE = join('docs', 'proof.md')
const RESULTS = join('tools', 'proof', 'results.json')
/** What commands print is kept here, so that a later `--read` finds it; .ci/run leaves the report of all tests beside it. */
const KEPT = join('node_modules', '.cache', 'proof')
const ALL_TESTS = join('node_modules', '.cache', 'vitest.json')

/** @param {string} root @returns {import('./proof/page.mjs').Results} */
function readResults(root) {
  const path = join(root, RESULTS)
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
}

/** Which proofs are meant: each as `[claim, index, what is run for it]`. @param {readonly string[] | null} only */
function chosen(only) {
  const all = CLAIMS.flatMap((claim) =>
    claim.proofs.map((proof, index) => ({ claim, index, proof, by: 'tests' in proof ? TESTS : proof.command })),
  )
  if (only === null) return all
  const unknown = only.filter((name) => !all.some(({ claim, by }) => claim.name === name || by === name))
  if (unknown.length > 0) throw new TypeError(`no claim and no command is called ${unknown.join(', ')}`)
  return all.filter(({ claim, by }) => only.includes(claim.name) || only.includes(by))
}

/**
 * Runs the npm script, shows what it says, and keeps it.
 *
 * @param {string} root @param {readonly string[]} args of npm @param {string} kept @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} its exit code
 */
function runNpm(root, args, kept, env = {}) {
  const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  let text = ''
  child.stdout.on('data', (data) => {
    text += data
    process.stderr.write(data)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      writeFileSync(kept, text)
      resolve(code ?? 1)
    })
  })
}

/** The day on which a file was written. @param {string} path */
function dayOf(path) {
  return statSync(path).mtime.toISOString().slice(0, 10)
}

/**
 * @param {string} root
 * @param {ReturnType<typeof chosen>} wanted
 * @param {boolean} readOnly
 * @returns {Promise<string[]>} what could not be read
 */
async function update(root, wanted, readOnly) {
  const results = readResults(root)
  const failures = []
  mkdirSync(join(root, KEPT), { recursive: true })
  for (const by of new Set(wanted.map((each) => each.by))) {
    const own = wanted.filter((each) => each.by === by)
    const { path, code } = by === TESTS ? await runTests(root, own, readOnly) : await runCommand(root, by, readOnly)
    if (!existsSync(path)) {
      if (!readOnly) failures.push(`${by} has left no ${path}`)
      continue
    }
    const text = readFileSync(path, 'utf8')
    for (const { claim, index, proof } of own) {
      const found = 'tests' in proof ? figureOf(JSON.parse(text), root, proof.tests) : proof.read(text)
      // A report of some tests says nothing of the others, whose figures stand.
      if (found === null && readOnly && results[keyOf(claim, index)] !== undefined) continue
      if (found === null) failures.push(`${keyOf(claim, index)}: ${path} has no figure of it`)
      // A command that fails proves nothing, whatever it printed before; each test has said for itself.
      else
        results[keyOf(claim, index)] = {
          ...found,
          holds: found.holds && (code === 0 || 'tests' in proof),
          at: dayOf(path),
        }
    }
    writeFileSync(join(root, RESULTS), `${JSON.stringify(sorted(results), null, 2)}\n`)
  }
  return failures
}

/** @param {string} root @param {string} by @param {boolean} readOnly */
async function runCommand(root, by, readOnly) {
  const command = commandOf(by)
  const kept = join(root, KEPT, `${by}.txt`)
  const path = command.file === undefined ? kept : join(root, command.file)
  if (readOnly) return { path, code: 0 }
  process.stderr.write(`${typed(command)} (${command.takes})\n`)
  const code = await runNpm(root, ['run', command.script, '--', ...(command.args ?? [])], kept)
  return { path, code }
}

/** All files of the claims in one run. @param {string} root @param {ReturnType<typeof chosen>} own @param {boolean} readOnly */
async function runTests(root, own, readOnly) {
  const all = join(root, ALL_TESTS)
  const path = readOnly && existsSync(all) ? all : join(root, KEPT, 'vitest.json')
  if (readOnly) return { path, code: 0 }
  const files = new Set(own.flatMap(({ proof }) => ('tests' in proof ? proof.tests.map(([file]) => file) : [])))
  const code = await runNpm(root, ['test', '--', ...files], join(root, KEPT, 'tests.txt'), { VITEST_JSON: path })
  return { path, code }
}

/** In the order of the claims, so that a new figure is one changed line. @param {import('./proof/page.mjs').Results} results */
function sorted(results) {
  const keys = CLAIMS.flatMap((claim) => claim.proofs.map((_, index) => keyOf(claim, index)))
  return Object.fromEntries(keys.flatMap((key) => (results[key] === undefined ? [] : [[key, results[key]]])))
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      read: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  })
  const root = positionals[0] ?? ROOT
  const { sentences, violations } = matchClaims(CLAIMS, readAll(root), SIGNPOSTS)
  if (!values.check) {
    const failures = await update(root, chosen(values.only?.split(',') ?? null), values.read)
    writeFileSync(join(root, PAGE), pageOf(CLAIMS, sentences, readResults(root)))
    for (const failure of failures) console.error(failure)
    if (failures.length > 0) process.exitCode = 1
  }
  const results = readResults(root)
  const page = existsSync(join(root, PAGE)) ? readFileSync(join(root, PAGE), 'utf8') : ''
  if (page !== pageOf(CLAIMS, sentences, results))
    violations.push(`${PAGE} is not as the figures are: npm run proof -- --read`)
  violations.push(...findProofViolations(CLAIMS, sentences, results, root))
  const proofs = CLAIMS.reduce((sum, claim) => sum + claim.proofs.length, 0)
  conclude('proof', violations, `${CLAIMS.length} claims have ${proofs} proofs, each with the figure last seen`)
}
