// @ts-check
/** How a check ends: a line per violation and exit code 1, or one line that says what was looked at. */

/**
 * @param {string} check such as `check-layers`
 * @param {readonly string[]} violations
 * @param {string} summary printed when there are none
 */
export function conclude(check, violations, summary) {
  for (const violation of violations) console.error(violation)
  if (violations.length === 0) {
    console.log(`${check}: ${summary}`)
    return
  }
  console.error(`${check}: ${violations.length} ${violations.length === 1 ? 'violation' : 'violations'}`)
  process.exitCode = 1
}
