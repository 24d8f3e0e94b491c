// @ts-check
/** What is given to the server at once: one connection, from its first request to the last frame. Plain JSON. */

import { readFileSync } from 'node:fs'

/**
 * A message as Engine.IO sends it, such as `40/chat,{}`; or bytes in base64, as a binary message or as they stand on the wire:
 * what is `raw` need not be a WebSocket frame.
 *
 * @typedef {string | { bytes: string, raw: boolean }} Frame
 */

/**
 * @typedef {object} Input
 * @property {'plain' | 'deferred'} server which of the two guarded servers
 * @property {'websocket' | 'polling'} transport
 * @property {string} query of the first request, as it stands in the URL
 * @property {[name: string, value: string][]} headers of every request; one character for each byte
 * @property {{ sid: string, bytes: string } | null} php a PHP session that the server's store holds, its bytes in base64
 * @property {Frame[]} frames by polling, each is the body of a POST
 */

/** In the place of a frame of a WebSocket: the connection is closed, and another is opened with the same request. */
export const RECONNECT = '<reconnect>'
/** In the place of a frame by polling: somebody else, with nothing but the session's id, says `hijacked` in `/chat`. */
export const STRANGER = '<stranger>'
/** In a frame: what the server has last called the session, and said last, on the connections of this input. */
export const LAST_PID = '<pid>'
export const LAST_OFFSET = '<offset>'

/** @param {unknown} value @returns {Input} @throws TypeError */
export function asInput(value) {
  const input = /** @type {Partial<Input>} */ (value)
  const sound =
    (input.server === 'plain' || input.server === 'deferred') &&
    (input.transport === 'websocket' || input.transport === 'polling') &&
    typeof input.query === 'string' &&
    Array.isArray(input.headers) &&
    Array.isArray(input.frames) &&
    input.php !== undefined
  if (!sound) throw new TypeError('this is no input of the fuzzer')
  return /** @type {Input} */ (input)
}

/** @param {string | URL} file */
export function readInputs(file) {
  const read = JSON.parse(readFileSync(file, 'utf8'))
  return /** @type {unknown[]} */ (Array.isArray(read) ? read : [read.input ?? read]).map(asInput)
}

/** How many things an input asks of the server: its first request, and each frame. @param {Input} input */
export function sizeOf(input) {
  return 1 + input.frames.length
}
