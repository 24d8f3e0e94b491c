/** A connection that knows when to come back: what `retry` of a refusal asks for, and nothing more. */

import { io } from '/vendor/socket.io.esm.min.js'

/**
 * @param {string} url with the namespace
 * @param {(state: 'online' | 'waiting' | 'ended', refusal: { code: string, message: string } | null) => void} show
 */
export function connect(url, show) {
  // The cookie goes along, also to another port of this host.
  const socket = io(url, { withCredentials: true })
  let closed = null

  socket.on('connect', () => {
    closed = null
    show('online', null)
  })
  // The last that is heard before the gateway ends the connection.
  socket.on('auth:closed', (refusal) => {
    closed = refusal
  })
  socket.on('disconnect', () => {
    // A lease that has ended may be had again; a session that was revoked may not.
    if (closed === null || closed.retry === 'backoff' || closed.code === 'AUTH_EXPIRED') later(closed)
    else show('ended', closed)
  })
  socket.on('connect_error', (error) => {
    const refusal = error.data ?? refusalIn(error.context?.responseText)
    if (refusal === null || refusal.retry === 'backoff') return later(refusal)
    socket.disconnect()
    show('ended', refusal)
  })
  return socket

  function later(refusal) {
    show('waiting', refusal)
    // Socket.IO comes back by itself after a lost connection, but not after what a server has refused or ended.
    if (socket.active) return
    // Not all at once: a gateway that has just started has thousands of clients.
    const waitMs = refusal?.retryAfterMs ?? 1_000 + Math.random() * 4_000
    setTimeout(() => socket.connect(), waitMs)
  }
}

/** What the gateway answers to a handshake is JSON; a proxy's own error page is not. */
function refusalIn(text) {
  try {
    const body = JSON.parse(text)
    return typeof body?.code === 'string' ? body : null
  } catch {
    return null
  }
}
