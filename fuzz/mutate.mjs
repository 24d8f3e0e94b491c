// @ts-check
/** Changes to an input: a few, anywhere, by whatever the protocols are made of. */

import { generate } from './grammar.mjs'
import { anyToken, forge } from './tokens.mjs'

/** @typedef {import('./input.mjs').Input} Input */
/** @typedef {import('./input.mjs').Frame} Frame */
/** @typedef {import('./random.mjs').Random} Random */

const MORSELS = [
  '"',
  ']',
  '[',
  '{',
  '}',
  ',',
  ':',
  '\\',
  '\\u0061',
  '0',
  '-',
  '4',
  '2',
  '%',
  '%00',
  ';',
  '=',
  '.',
  ' ',
  '\t',
]
const WORDS = [
  '__proto__',
  'auth:',
  '/chat,',
  '/admin,',
  'never',
  'admin',
  'null',
  '1e309',
  '\ud800',
  '\u2028',
  '\x1e',
  's:',
  '\x7f',
]

/** @param {Random} random @param {Input} input @param {Input} other to take parts of @returns {Input} */
export function mutate(random, input, other) {
  /** @type {Input} */
  let mutated = structuredClone(input)
  for (let left = 1 + random.below(4); left > 0; left -= 1) mutated = change(random, mutated, other)
  return mutated
}

/** @param {Random} random @param {Input} input @param {Input} other @returns {Input} */
function change(random, input, other) {
  const { frames, headers } = input
  const at = random.below(frames.length + 1)
  switch (random.below(18)) {
    case 0:
      return { ...input, frames: frames.filter((_, i) => i !== at) }
    case 1: // The same again.
      return { ...input, frames: [...frames.slice(0, at), ...frames.slice(Math.max(0, at - 2))] }
    case 2:
      return {
        ...input,
        frames: [...frames.slice(0, at), ...other.frames.slice(random.below(other.frames.length + 1))],
      }
    case 3:
      return { ...input, headers: other.headers }
    case 4:
      return { ...input, headers: headers.map(([name, value]) => [name, headerText(edit(random, value))]) }
    case 5:
      return { ...input, query: headerText(edit(random, input.query)).replaceAll(/[ \t]/g, '+') }
    case 6:
      return { ...input, server: input.server === 'plain' ? 'deferred' : 'plain' }
    case 7:
      return input.php === null
        ? { ...input, frames: generate(random).frames }
        : { ...input, php: editPhp(random, input.php) }
    case 8: // Another credential in the place of the first.
      return { ...input, frames: frames.map((frame) => replaceToken(random, frame)) }
    default:
      return {
        ...input,
        frames: frames.map((frame, i) => (i === at || random.once(10) ? editFrame(random, frame) : frame)),
      }
  }
}

/** @param {Random} random @param {Frame} frame @returns {Frame} */
function editFrame(random, frame) {
  return typeof frame === 'string' ? edit(random, frame) : { ...frame, bytes: editBytes(random, frame.bytes) }
}

/** @param {Random} random @param {Frame} frame @returns {Frame} */
function replaceToken(random, frame) {
  if (typeof frame !== 'string') return frame
  return frame.replace(/"token":"[^"]*"/, () => {
    const token = random.once(2) ? forge(random) : anyToken(random)
    return `"token":"${random.once(4) ? edit(random, token).replaceAll('"', '') : token}"`
  })
}

/** @param {Random} random @param {string} text */
function edit(random, text) {
  const at = random.below(text.length + 1)
  const cut = random.once(3) ? random.below(12) : random.below(2)
  const put = random.once(4)
    ? random.pick(WORDS)
    : random.once(6)
      ? text.slice(0, random.below(40))
      : random.pick(MORSELS)
  return text.slice(0, at) + put + text.slice(at + cut)
}

/** @param {Random} random @param {NonNullable<Input['php']>} php */
function editPhp(random, { sid, bytes }) {
  return { sid, bytes: editBytes(random, bytes) }
}

/** @param {Random} random @param {string} base64 */
function editBytes(random, base64) {
  const bytes = Buffer.from(base64, 'base64')
  const at = random.below(bytes.length + 1)
  const put = random.once(2)
    ? Buffer.from(random.pick(['9', '-', ';', ':', '"', '}', 'R:1;', 'a:']))
    : random.bytes(random.below(3))
  return Buffer.concat([bytes.subarray(0, at), put, bytes.subarray(at + random.below(3))]).toString('base64')
}

/** What can stand in a line of a request: one character for each byte, and no end of the line. @param {string} text */
function headerText(text) {
  return Buffer.from(text)
    .toString('latin1')
    .replaceAll(/[\r\n]/g, '')
}
