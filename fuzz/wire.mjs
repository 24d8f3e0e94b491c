// @ts-check
/** Bytes on a TCP connection to the server: a request of HTTP by hand, and the messages of a WebSocket. */

import { connect } from 'node:net'

/** Nothing takes longer: what has not come by then does not come. Milliseconds. */
export const PATIENCE_MS = 1_500

/**
 * @param {number} port
 * @param {Buffer} bytes to begin with
 */
export function dial(port, bytes) {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  let buffer = Buffer.alloc(0)
  let isOver = false
  /** @type {Set<() => void>} */
  const listeners = new Set()
  const tell = () => {
    for (const listener of [...listeners]) listener()
  }
  socket.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, /** @type {Buffer} */ (chunk)])
    tell()
  })
  socket.on('error', () => {})
  socket.once('close', () => {
    isOver = true
    tell()
  })
  socket.write(bytes)

  return {
    get isOver() {
      return isOver
    },
    /** @param {Buffer} more */
    write(more) {
      if (!isOver && socket.writable) socket.write(more)
    },
    /** Resolves with what `read` takes out of all that has come, or null at the end. @template T @param {(all: Buffer) => { value: T, length: number } | null} read @param {number} [patienceMs] @returns {Promise<T | null>} */
    take(read, patienceMs = PATIENCE_MS) {
      return new Promise((resolve) => {
        const attempt = () => {
          const found = read(buffer)
          if (found === null && !isOver) return
          if (found !== null) buffer = buffer.subarray(found.length)
          listeners.delete(attempt)
          clearTimeout(timer)
          resolve(found === null ? null : found.value)
        }
        const timer = setTimeout(() => {
          listeners.delete(attempt)
          resolve(null)
        }, patienceMs)
        listeners.add(attempt)
        attempt()
      })
    },
    /** With a FIN, or with a reset, as long as neither side has said that it is done. @param {boolean} reset */
    close(reset) {
      if (reset && socket.readyState === 'open') socket.resetAndDestroy()
      else socket.destroy()
    },
  }
}

/** @typedef {ReturnType<typeof dial>} Line */

/** The status of an answer and where it ends, without its body. @param {Buffer} all */
export function readHead(all) {
  const end = all.indexOf('\r\n\r\n')
  if (end === -1) return null
  const head = all.toString('latin1', 0, end)
  return { value: { status: Number(head.split(' ', 2)[1] ?? 0), head }, length: end + 4 }
}

const CLOSE = 8

/** One message of the server; its frames are neither masked nor, as it is set up, in pieces. @param {Buffer} all */
export function readMessage(all) {
  if (all.length < 2) return null
  const short = all.readUInt8(1) & 0x7f
  const start = short < 126 ? 2 : short === 126 ? 4 : 10
  if (all.length < start) return null
  const length = short < 126 ? short : short === 126 ? all.readUInt16BE(2) : Number(all.readBigUInt64BE(2))
  if (all.length < start + length) return null
  const isClose = (all.readUInt8(0) & 0x0f) === CLOSE
  return { value: { isClose, text: all.toString('utf8', start, start + length) }, length: start + length }
}

/** One request, answered and closed. @param {number} port @param {Buffer} request @param {number} [patienceMs] */
export async function exchange(port, request, patienceMs = PATIENCE_MS) {
  const line = dial(port, request)
  const head = await line.take(readHead, patienceMs)
  const wanted = Number(/^content-length: *(\d+)/im.exec(head?.head ?? '')?.[1] ?? Number.NaN)
  const body = head === null ? null : await line.take((all) => readBody(all, wanted, line.isOver), patienceMs)
  line.close(false)
  return { status: head?.status ?? 0, body: body ?? '' }
}

/** @param {Buffer} all @param {number} wanted NaN when the answer does not say @param {boolean} isOver */
function readBody(all, wanted, isOver) {
  if (isOver || all.length >= wanted) return { value: all.toString('utf8'), length: all.length }
  return null
}
