// @ts-check
/** One scenario, in the process that `play-apart.mjs` has made for it. What it throws is a goal missed. */

const [, , file = '', extent] = process.argv
const { scenario } = /** @type {{ scenario: import('./scenario.mjs').Scenario }} */ (await import(file))
const log = (/** @type {string} */ line) => console.error(`  ${line}`)
const outcome = await scenario.play({ quick: extent === 'quick', log }).catch((error) => ({
  seen: '–',
  missed: [String(error?.stack ?? error).slice(0, 2_000)],
}))
process.send?.(outcome)
