// @ts-check
/** What was measured, for people. */

const GOAL_MS = 30_000

/** @param {import('./load.mjs').LoadReport} report */
export function tableOf(report) {
  const { questions, staying, returns, releases, during, everyone, rooms } = report
  const rows = [
    ['clients, of which good', `${report.clients}, ${report.good}`],
    ['one gateway ended by', report.end === 'kill' ? 'SIGKILL' : `SIGTERM, exit code ${report.exitCode}`],
    ['its clients', `${report.movedOfNode}`],
    ['all back after', report.allBack ? `${report.backAfterMs} ms` : 'not all came back'],
    ['wrongly admitted, of attempts refused', `${report.admittedWrongly}, ${report.refusedAttempts}`],
    [
      'questions to the backend, about credentials, most about one',
      `${questions.questions}, ${questions.credentials}, ${questions.mostOfOne}`,
    ],
    ['let go: first, half, last', `${releases.first}, ${releases.half}, ${releases.last} ms`],
    ['back: first, half, last', `${returns.first}, ${returns.half}, ${returns.last} ms`],
    ['most that came back within 100 ms, 1 s', `${returns.peakIn100Ms}, ${returns.peakIn1s}`],
    ['peak handshakes/s of the other gateway', `${staying.peakHandshakesPerSecond}`],
    [
      'its CPU, longest pause, RSS',
      `${staying.cpuSeconds} s (${staying.cpuPercent} %), ${staying.pauseMs} ms, ${staying.rssMiB} MiB`,
    ],
    ['messages to all meanwhile, of which twice, to others', `${during.sent}, ${during.again}, ${during.stray}`],
    ['a message to all: once, never, again, to others', counts(everyone)],
    ['a message to each room: once, never, again, to others', counts(rooms)],
  ]
  const width = Math.max(...rows.map(([name = '']) => name.length))
  return rows.map(([name = '', value]) => `| ${name.padEnd(width)} | ${value} |`).join('\n')
}

/** @param {import('./load.mjs').LoadReport} report @returns {string[]} */
export function failuresOf(report) {
  const { during, everyone, rooms, good } = report
  return [
    ...(report.allBack && report.backAfterMs <= GOAL_MS ? [] : ['all good clients are back within 30 s']),
    ...(report.admittedWrongly === 0 ? [] : ['nobody is wrongly admitted']),
    ...(report.questions.mostOfOne <= 1 ? [] : ['at most one question about each credential']),
    ...(report.sockets === good ? [] : [`${report.sockets} sockets, not ${good}`]),
    ...([everyone, rooms].every(({ once, stray }) => once === good && stray === 0)
      ? []
      : ['messages reach their rooms exactly once']),
    ...(during.again + during.stray === 0 ? [] : ['no message comes twice, or to somebody else']),
    ...(report.end === 'kill' || report.exitCode === 0 ? [] : ['the drained gateway ends with 0']),
  ]
}

/** @param {{ once: number, never: number, again: number, stray: number }} heard */
function counts({ once, never, again, stray }) {
  return `${once}, ${never}, ${again}, ${stray}`
}
