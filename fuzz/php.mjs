// @ts-check
/** Sessions as PHP writes them, and bytes that it would not write. */

import { createHash } from 'node:crypto'
import { PHP_PROOF } from './credentials.mjs'

/** @typedef {import('./random.mjs').Random} Random */

/** @param {Random} random @returns {{ sid: string, bytes: string }} */
export function phpSession(random) {
  const variables = random.list(1 + random.below(4), () => {
    const name = random.pick(['user_id', 'proof', 'proof', 'a', '__proto__', 'x.y', ''])
    return `${name}|${name === 'proof' && !random.once(5) ? text(PHP_PROOF) : value(random, 4)}`
  })
  const written = random.once(4)
    ? variables.join('')
    : `user_id|i:${random.below(9)};proof|${text(PHP_PROOF)}${variables.join('')}`
  const bytes = Buffer.from(random.once(12) ? random.bytes(random.below(60)).toString('latin1') : written, 'latin1')
  return { sid: createHash('sha256').update(bytes).digest('hex').slice(0, 32), bytes: bytes.toString('base64') }
}

/** @param {string} content */
const text = (content) => `s:${Buffer.byteLength(content, 'latin1')}:"${content}";`

/** @param {Random} random @param {number} depth @returns {string} */
function value(random, depth) {
  switch (random.below(depth > 0 ? 12 : 6)) {
    case 0:
      return random.pick([
        'N;',
        'b:1;',
        'b:0;',
        'b:2;',
        'i:0;',
        'i:-1;',
        'i:9223372036854775807;',
        'i:99999999999999999999;',
      ])
    case 1:
      return random.pick(['d:0.1;', 'd:INF;', 'd:NAN;', 'd:1.0E+300;', 'd:one;'])
    case 2:
      return text(random.bytes(random.below(20)).toString('latin1'))
    case 3:
      return `s:${random.pick(['0', '5', '-1', '9999999', '05'])}:"${'x'.repeat(random.below(9))}";`
    case 4:
      return `${random.pick(['R', 'r'])}:${random.below(20)};`
    case 5:
      return random.pick(['E:10:"Role:Admin";', 'C:1:"A":3:{abc}', 'O:1:"A":0:{}', 'a:0:{}', 'x:1;', ''])
    case 6:
    case 7:
      return object(random, depth)
    case 8:
      return nested(random)
    case 9:
      return many(random)
    default:
      return list(random, depth)
  }
}

/** @param {Random} random @param {number} depth */
function list(random, depth) {
  const members = random.list(random.below(5), () => value(random, depth - 1))
  const said = random.once(10) ? random.below(9) : members.length
  return `a:${said}:{${members.map((member, i) => `i:${i};${member}`).join('')}}`
}

/** @param {Random} random @param {number} depth */
function object(random, depth) {
  const names = random.list(random.below(4), () =>
    random.pick(['id', '\0*\0role', '\0User\0secret', '__proto__', '\0']),
  )
  return `O:4:"User":${names.length}:{${names.map((name) => text(name) + value(random, depth - 1)).join('')}}`
}

/** Deeper than is read. @param {Random} random */
function nested(random) {
  const depth = random.below(random.once(5) ? 3_000 : 80)
  return `${'a:1:{i:0;'.repeat(depth)}N;${'}'.repeat(depth)}`
}

/** More references to one large value than are followed. @param {Random} random */
function many(random) {
  const count = random.below(random.once(5) ? 6_000 : 50)
  const members = Array.from({ length: count }, (_, i) => `i:${i + 1};${random.pick(['R:2;', 'r:2;', 'N;', 'i:1;'])}`)
  return `a:${count + 1}:{i:0;O:1:"A":1:{s:1:"a";a:2:{i:0;N;i:1;N;}}${members.join('')}}`
}
