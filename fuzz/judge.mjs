// @ts-check
/** Was anybody admitted, served or told anything wrongly? */

import { PEOPLE, permitted } from './credentials.mjs'

/** @typedef {import('./input.mjs').Input} Input */
/** @typedef {{ input: string, kind: string, who: string, what: string }} Observed */

/** Events with a rule that permits everybody; only `root` may say `admin`. */
const OPEN = new Set(['say', 'slow', 'echo', 'bytes', 'typed'])
const ADMIN = 'jwt:root'

/**
 * What must not have come of an input, in words; none when all is well.
 *
 * @param {Input} input
 * @param {readonly string[]} received by its client
 * @param {readonly Observed[]} observed by the server, of this input alone
 * @returns {string[]}
 */
export function wrongs(input, received, observed) {
  const may = permitted(input)
  const wrong = observed
    .filter((each) => !isRight(input, each, may))
    .map(({ kind, who, what }) => `${who} was ${kind}: ${what}`)
  for (const message of received) {
    // Where the connect is deferred, a client is connected before it has shown anything, and gets nothing.
    const isConnected = /^40(?:\/[^,]*,)?\{"sid"/.test(message)
    if (isConnected && may.size === 0 && input.server === 'plain') wrong.push(`nobody was connected: ${message}`)
    const org = /^42\/chat,(?:\d+)?\["canary","(\w+)"/.exec(message)?.[1]
    if (org !== undefined && ![...may].some((who) => orgOf(who) === org)) wrong.push(`nobody of ${org} heard of it`)
    if (message.startsWith('42/chat,["hello"') && may.size === 0) wrong.push('nobody heard what all were told')
  }
  return [...new Set(wrong)]
}

/** @param {Input} input @param {Observed} observed @param {ReadonlySet<string>} may */
function isRight(input, { kind, who, what }, may) {
  if (!may.has(who) && !(who.startsWith('php-session:') && may.has('php'))) return false
  if (kind === 'admitted') return what === '/chat' || /^\/t-\d+$/.test(what) || (what === '/admin' && who === ADMIN)
  // Whoever showed a credential with the first request has to show it with every one.
  if (what === 'hijacked') return permitted({ ...input, headers: [] }).has(who)
  // What the server has found in a room that is not its own is wrong, whoever it is.
  return kind === 'handled' && (OPEN.has(what) || (what === 'admin' && who === ADMIN))
}

/** @param {string} who */
function orgOf(who) {
  return Object.values(PEOPLE).find((person) => person.who === who)?.org ?? 'acme'
}

/** In what respects the answers to an input are of a kind: what gives a new one is worth changing further. */
export function signature(/** @type {Input} */ input, /** @type {import('./play.mjs').Played} */ { status, received }) {
  const kinds = received.map((message) => {
    const type = /^\d{0,2}/.exec(message)?.[0] ?? ''
    const codes = message.match(/AUTH_[A-Z_]+|"auth:\w+"|"joined"|"left"|"echoed"|Invalid namespace/g) ?? []
    return [type, ...codes].join(' ')
  })
  return [input.server, input.transport, status, ...new Set(kinds)].join('|')
}
