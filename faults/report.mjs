// @ts-check
/** The table of what was played, for the terminal and for docs/faults.md. */

import { availableParallelism, cpus, totalmem } from 'node:os'

/** @typedef {import('./scenario.mjs').Scenario & import('./scenario.mjs').Outcome & { tookSeconds: number }} Played */

/** @param {Omit<Played, 'play' | 'seconds'>} played */
export function rowOf({ id, fault, done, goal, seen, missed, tookSeconds }) {
  const verdict = missed.length === 0 ? 'yes' : `**no**: ${missed.join('; ')}`
  return `| ${[id, fault, done, goal, seen, verdict, `${tookSeconds.toFixed(0)} s`].map(cell).join(' | ')} |`
}

/** @param {Played[]} played @param {boolean} quick */
export function pageOf(played, quick) {
  const machine = `Node ${process.version}, ${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GB, Linux`
  return `${HEAD}
Written by \`npm run faults -- ${quick ? '--quick ' : ''}--write\` on ${new Date().toISOString().slice(0, 10)}: ${machine}${quick ? '; counts of `--quick`' : ''}.
${played.filter(({ missed }) => missed.length === 0).length} of ${played.length} met.

| | fault | what is done | goal | seen | met | took |
|---|---|---|---|---|---|---|
${played.map(rowOf).join('\n')}
`
}

const HEAD = `# Faults

\`\`\`sh
npm run faults                  # all, within 25 minutes
npm run faults -- F8,F14        # some
npm run faults -- --quick       # all, with smaller counts, within 3 minutes
npm run soak                    # F19 alone, with all its figures
\`\`\`

Each fault is played in a process of its own, against a real Redis and a real PostgreSQL, on the loopback interface; servers that are killed or stopped are started for that. It ends with
code 1 when a goal is missed. Clients and servers share the machine, so that times are upper bounds. Where a row says that tests play it, they run with the counts that it names. The short forms run with
\`npm test\`, from [test/faults.test.ts](../test/faults.test.ts) and from the tests that [the table of attacks](security.md) names.
`

/** @param {string} text */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
