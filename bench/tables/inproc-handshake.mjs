// @ts-check
/** What a handshake costs in process: resolves microseconds, where the noise of real connections does not. */

import { isolated } from '../child.mjs'
import { atMost } from '../table.mjs'

const WARM_UPS = 3

const AGAIN = ', the same token again'

/** @type {(Omit<import('../table.mjs').Row, 'values'> & import('../isolated/handshake.mjs').Variant)[]} */
const VARIANTS = [
  row('bare', 'base', 'bare'),
  row('bare again', 'base', 'bare'),
  row('jsonwebtoken by hand, KeyObject', 'peer', 'jsonwebtoken by hand, KeyObject'),
  row('jose by hand', 'peer', 'jose by hand'),
  row('node:crypto by hand', 'peer', 'node:crypto by hand'),
  row('Portcullis’ strategy by hand', 'base', 'portcullis’ own strategy by hand'),
  // What verifies is the same in both: what is left is the door and the gates.
  {
    ...row('portcullis, token in auth', 'ours', 'portcullis'),
    against: 'Portcullis’ strategy by hand',
    goal: atMost(10, 'µs'),
  },
  {
    ...row('portcullis, token in a header', 'ours', 'portcullis'),
    header: true,
    against: 'Portcullis’ strategy by hand',
    goal: atMost(10, 'µs'),
  },
  { ...row(`portcullis, token in auth${AGAIN}`, 'ours', 'portcullis'), seen: true, goal: atMost(8, 'µs') },
  {
    ...row(`portcullis, token in a header${AGAIN}`, 'ours', 'portcullis'),
    header: true,
    seen: true,
    goal: atMost(8, 'µs'),
  },
]

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function inprocHandshake({ quick }) {
  const rounds = quick ? 7 : 31
  const slices = quick ? 5 : 10
  const measured = VARIANTS.map(({ name, group, server, header, seen }) => ({ name, group, server, header, seen }))
  const figures = await isolated('isolated/handshake.mjs', { variants: measured, rounds, slices, warmUps: WARM_UPS })
  return {
    name: 'inproc-handshake',
    title: 'Handshake in process, JWT HS256',
    method: `Real Socket.IO servers over a fake engine connection; CPU of the process, threads and garbage collection included. ${rounds} rounds of ${slices * 100} handshakes, ten at a time, in slices that take turns. Not seen before, unless the row says so.`,
    unit: 'µs per handshake',
    compare: 'difference',
    rows: VARIANTS.map((variant, index) => ({ ...variant, group: '', values: figures[index] })),
  }
}

/** @param {string} name @param {import('../table.mjs').Row['role']} role @param {string} server */
function row(name, role, server) {
  return { variant: name, name, role, group: 'jwt', server }
}
