/** Connects one socket, and connects it again: the only module that calls `connect` and `disconnect`. */

import type { Socket } from 'socket.io-client'
import type { Refusal } from '../protocol.ts'
import { type ClientClock, whenOnline } from './clock.ts'
import { unavailable } from './refusal.ts'
import { retryPlan } from './retry-plan.ts'

/**
 * `connecting`: an attempt is under way, or socket.io retries the network by itself. `waiting`: for a backoff, for the
 * network, or for a new credential. `idle`: nothing happens until `socket.connect()`.
 */
export type ClientAuthState = 'idle' | 'connecting' | 'connected' | 'waiting'

export interface ConnectorOptions {
  /** The credential as the payload to present; that there is none in time is a rejection. */
  readonly ask: (refused: Refusal | null) => Promise<object>
  readonly clock: ClientClock
  readonly random: () => number
  readonly onState: (state: ClientAuthState) => void
  /** `credential` failed; another attempt is planned. */
  readonly onFailure: (refusal: Refusal, cause: unknown) => void
}

export interface Connector {
  state(): ClientAuthState
  /** Acts on a refusal. True when another attempt will be made. */
  follow(refusal: Refusal): boolean
  stood(): void
  ended(): void
  /** Something other than a refusal happened, and socket.io decided what comes next. */
  interrupted(): void
  /** Gives the socket back as it was. */
  release(): void
}

export function connector(socket: Socket, options: ConnectorOptions): Connector {
  const { ask, clock, onState } = options
  const { auth, disconnect } = socket
  const plan = retryPlan(options.random)
  let state: ClientAuthState = socket.connected ? 'connected' : stateOfSocket()
  /** What began under an earlier turn no longer counts. */
  let turn = 0
  let cancelWait = () => {}
  let stoodSince = clock.now()
  /** The refusal that the next credential must cure. */
  let uncured: Refusal | null = null
  /** A credential that was asked for before connecting, for the next CONNECT. */
  let ready: object | null = null

  function stateOfSocket(): ClientAuthState {
    return socket.active ? 'connecting' : 'idle'
  }

  // Last in every function: the application may call back into this module from its listener.
  function enter(next: ClientAuthState): void {
    if (next === state) return
    state = next
    onState(next)
  }

  function nextTurn(): number {
    cancelWait()
    cancelWait = () => {}
    ready = null
    turn += 1
    return turn
  }

  function follow(refusal: Refusal): boolean {
    nextTurn()
    // Ends the manager's own retrying after an HTTP refusal. It emits nothing, as the socket is not connected.
    disconnect.call(socket)
    const next = plan.next(refusal)
    if (next.step === 'refresh') {
      uncured = refusal
      askWhenOnline()
    } else if (next.step === 'wait') {
      cancelWait = clock.setTimer(askWhenOnline, next.delayMs)
    }
    enter(next.step === 'stop' ? 'idle' : 'waiting')
    return next.step !== 'stop'
  }

  function askWhenOnline(): void {
    cancelWait = whenOnline(askThenConnect)
  }

  // Asks first, because a refusal over HTTP is often cured by a cookie that `credential` renews. Never connects in the
  // same tick: inside its own error event the manager would then plan a second reconnection, and never end it.
  function askThenConnect(): void {
    const mine = nextTurn()
    ask(uncured).then(
      (payload) => {
        if (mine !== turn) return
        ready = payload
        socket.connect()
        enter('connecting')
      },
      (error) => {
        if (mine === turn) fail(error)
      },
    )
  }

  function fail(error: unknown): void {
    const refusal = unavailable('The credential could not be obtained.')
    follow(refusal)
    options.onFailure(refusal, error)
  }

  // socket.io calls this when the connection below is open, at each attempt. A late answer must not reach another
  // engine: the CONNECT would be sent twice.
  function present(send: (payload: object) => void): void {
    const known = ready
    const mine = nextTurn()
    const { engine } = socket.io
    Promise.resolve(known ?? ask(uncured))
      .then((payload) => {
        if (mine !== turn || engine !== socket.io.engine) return
        uncured = null
        send(payload)
      })
      .catch((error) => {
        if (mine === turn) fail(error)
      })
    enter('connecting')
  }

  function giveUp(): Socket {
    nextTurn()
    plan.forget()
    uncured = null
    disconnect.call(socket)
    enter('idle')
    return socket
  }

  socket.auth = present
  // Without a connection `disconnect()` emits nothing (socket.io-client 4.8.4), so no listener can tell that the
  // application has had enough while this module waits.
  socket.disconnect = giveUp

  return {
    state: () => state,
    follow,
    stood() {
      stoodSince = clock.now()
      enter('connected')
    },
    ended() {
      plan.lasted(clock.now() - stoodSince)
    },
    interrupted() {
      plan.interrupted()
      ready = null
      enter(stateOfSocket())
    },
    release() {
      if (!socket.connected) disconnect.call(socket)
      nextTurn()
      socket.auth = auth
      socket.disconnect = disconnect
      enter('idle')
    },
  }
}
