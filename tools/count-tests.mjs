/** Prints `N passed, N failed, N skipped` of Vitest's JSON report, and fails when a test failed or none ran. */

import { readFile } from 'node:fs/promises'

const report = JSON.parse(await readFile(process.argv[2], 'utf8'))
const { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: todo } = report
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped + todo} skipped\n`)
if (failed > 0 || passed === 0 || report.success !== true) process.exitCode = 1
