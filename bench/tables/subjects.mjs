// @ts-check
/** The sockets of one subject among 1,000 to 100,000, and revoking one subject. */

import { isolated } from '../child.mjs'
import { summarize } from '../statistics.mjs'
import { within } from '../table.mjs'

/** @typedef {import('../table.mjs').Table} Table */
/** @typedef {import('../table.mjs').Row} Row */
/** @typedef {{ count: number, figures: Record<string, number[]> }} Measured */

/** So many connections take some gigabytes. */
const NODE_OPTIONS = ['--expose-gc', '--max-old-space-size=8192']
const FIND = 'portcullis, sockets(subject)'
const END = 'portcullis, revoke(subject)'

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<Table[]>} */
export async function subjects({ quick }) {
  const counts = quick ? [1_000, 10_000] : [1_000, 10_000, 100_000]
  const rounds = quick ? 20 : 60
  /** @type {Measured[]} */
  const measured = []
  for (const count of counts) {
    const guarded = await isolated('isolated/subjects.mjs', { world: 'guarded', count, rounds }, NODE_OPTIONS)
    const unguarded = await isolated('isolated/subjects.mjs', { world: 'unguarded', count, rounds }, NODE_OPTIONS)
    measured.push({ count, figures: { ...guarded, ...unguarded } })
  }
  const method = `Real Socket.IO servers over a fake engine, two sockets for each subject; ${rounds} times each.`
  return [
    {
      name: 'subject-find',
      title: 'The sockets of one subject',
      method,
      unit: 'µs',
      digits: 2,
      compare: 'none',
      ...rowsAndLines(
        measured,
        [
          FIND,
          'a Map by hand',
          'in(room).fetchSockets()',
          'fetchSockets(), filter',
          'passport.socketio, filterSocketsByUser',
        ],
        (name, { count, figures }) =>
          name === FIND && count === counts.at(-1) ? within('≤ 5 µs', medianOf(figures[name]), 5, 'µs') : undefined,
      ),
      notes: [
        'passport.socketio reads `io.sockets.connected`, which Socket.IO 4 does not have: as it is, it finds nobody. Here it is given such an object, made for each call.',
      ],
    },
    {
      name: 'subject-end',
      title: 'Ending one subject',
      method: `${method} Portcullis has kept the revocation, closed the sockets and answered with a receipt.`,
      unit: 'µs',
      digits: 1,
      compare: 'none',
      ...rowsAndLines(
        measured,
        [END, 'a Map by hand, disconnect', 'fetchSockets(), filter, disconnect'],
        (name, { count, figures }) => {
          if (name !== END || count !== counts.at(-1)) return undefined
          const times = medianOf(figures[name]) / medianOf(measured[0]?.figures[name])
          return within('≤ 3 times that at 1,000', times, 3, 'times')
        },
      ),
    },
  ]
}

/** @param {readonly Measured[]} measured @param {readonly string[]} names @param {(name: string, at: Measured) => Row['goal']} goalOf */
function rowsAndLines(measured, names, goalOf) {
  const rows = measured.flatMap((at) =>
    names.map((name) => {
      const goal = goalOf(name, at)
      const group = String(at.count)
      return { ...rowOf(name, at), group, ...(goal === undefined ? {} : { goal }) }
    }),
  )
  const series = names.map((name) => ({
    name,
    role: roleOf(name),
    points: measured.map(({ count, figures }) => /** @type {const} */ ([count, medianOf(figures[name])])),
  }))
  return { rows, lines: { xLabel: 'sockets', yLabel: 'µs', series } }
}

/** @param {string} name @param {Measured} at @returns {Row} */
function rowOf(name, { count, figures }) {
  return { variant: `${name}, among ${count.toLocaleString('en-US')}`, role: roleOf(name), values: figures[name] ?? [] }
}

/** @param {string} name @returns {Row['role']} */
function roleOf(name) {
  return name.startsWith('portcullis') ? 'ours' : 'peer'
}

/** @param {readonly number[]} [values] */
function medianOf(values = []) {
  return summarize(values).median
}
