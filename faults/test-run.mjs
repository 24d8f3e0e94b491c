// @ts-check
/** A scenario that tests play already: they are run with the counts of the row, and say what they saw. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const VITEST = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))

/**
 * `named`: a regular expression for the names of the tests. What they noted as `task.meta.figures` comes back: of times and sizes the worst, of the rest the sum.
 *
 * @param {{ files: string[], named: string, env?: Record<string, string> }} tests
 * @returns {Promise<{ passed: number, missed: string[], figures: Record<string, number> }>}
 */
export async function playTests({ files, named, env = {} }) {
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-faults-'))
  try {
    const outputFile = join(folder, 'report.json')
    const args = [
      'run',
      ...files,
      '-t',
      named,
      '--typecheck.enabled=false',
      '--reporter=json',
      `--outputFile=${outputFile}`,
    ]
    const { VITEST_JSON: _, NODE_OPTIONS: __, ...inherited } = process.env
    const child = spawn(process.execPath, [VITEST, ...args], {
      cwd: ROOT,
      env: { ...inherited, ...env },
      stdio: 'ignore',
    })
    const [code] = await once(child, 'exit')
    const report = JSON.parse(await readFile(outputFile, 'utf8'))
    const summary = summaryOf(report)
    // Such as a secret that was found where it may not be, or a rejection that nobody handled.
    if (code !== 0 && summary.missed.length === 0)
      summary.missed.push(`the tests pass, and their run ended with ${code}`)
    return summary
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** @param {any} report of vitest's JSON reporter */
function summaryOf(report) {
  /** @type {Record<string, number>} */
  const figures = {}
  const missed = []
  let passed = 0
  for (const { assertionResults, message, status } of report.testResults) {
    if (status === 'failed' && assertionResults.length === 0) missed.push(String(message).slice(0, 500))
    for (const test of assertionResults) {
      if (test.status === 'failed') missed.push(`${test.title}: ${String(test.failureMessages[0]).slice(0, 300)}`)
      if (test.status !== 'passed') continue
      passed += 1
      for (const [name, value] of Object.entries(test.meta?.figures ?? {})) {
        const known = figures[name]
        if (known === undefined) figures[name] = Number(value)
        else figures[name] = /(Ms|MiB)$/.test(name) ? Math.max(known, Number(value)) : known + Number(value)
      }
    }
  }
  if (passed === 0) missed.push('no test ran')
  return { passed, missed, figures }
}
