/** `socket.handshake.session`: kept current, and saved without undoing what happened to the session meanwhile. */

import { isDeepStrictEqual } from 'node:util'
import { assign, type Data, dataOf, merge, savableDataOf } from './express-socket.io-session-merge.ts'
import { observed, unobserved } from './express-socket.io-session-observed.ts'
import { getStored, inTurn, type Store, type Stored, setStored } from './express-socket.io-session-store.ts'

export interface LiveOptions {
  readonly autoSave: boolean
  readonly saveUninitialized: boolean
  readonly timeoutMs: number
  readonly onError: (error: unknown) => void
}

/** What express-session puts on a request. */
export interface SessionRequest {
  session?: unknown
  sessionID?: string | undefined
  sessionStore?: Store
}

/** A session object as express-session makes it. */
interface Session {
  readonly id: string
  cookie?: unknown
}
type Callback = (error?: unknown) => void

export interface Live {
  /** The id under which the store has it; null for one that was made for this socket and never saved. */
  storedId: string | null
  /** Brings the session object up to what the store has. */
  refresh(stored: Stored): void
}

/**
 * Turns `request.session` into an accessor: whatever express-session puts there, at the handshake, on `reload` and on
 * `regenerate`, gets a `save` that reads the store first, and is observed where it is to be saved by itself.
 */
export function keepSession(request: SessionRequest, options: LiveOptions): Live {
  const { autoSave, saveUninitialized, timeoutMs, onError } = options
  let raw: Session | null = null
  let shown: unknown
  /** The data as the store last had it. */
  let base: Data = {}
  /** The cookie's length of life then. */
  let baseMaxAge: unknown
  let isDue = false
  const live: Live = { storedId: null, refresh }
  Object.defineProperty(request, 'session', { get: () => shown, set: adopt, enumerable: true, configurable: true })
  return live

  function adopt(value: unknown): void {
    raw = typeof value === 'object' && value !== null ? (unobserved(value) as Session) : null
    shown = raw ?? value
    if (raw === null) return
    base = dataOf(raw)
    baseMaxAge = cookieOf(raw).originalMaxAge
    Object.defineProperty(raw, 'save', { value: saver(raw), writable: true, enumerable: false, configurable: true })
    if (autoSave) shown = observed(raw, soon)
  }

  function saver(session: Session) {
    return function save(this: unknown, callback: Callback = () => {}): unknown {
      write(session).then(() => callback(), callback)
      return this
    }
  }

  /** Once, after what runs now: a handler rarely changes one field only. */
  function soon(): void {
    if (isDue) return
    isDue = true
    setImmediate(function saveByItself() {
      isDue = false
      if (raw === null || request.session !== shown) return
      // A visitor without a session gets none by a socket: no cookie could lead back to it.
      if (live.storedId !== raw.id && !saveUninitialized) return
      try {
        if (isDeepStrictEqual(savableDataOf(raw), base)) return
      } catch (error) {
        // A handler has put something there that is no JSON.
        onError(error)
        return
      }
      write(raw).catch(onError)
    })
  }

  function write(session: Session): Promise<void> {
    const { sessionStore } = request
    if (sessionStore === undefined) return Promise.reject(new Error('there is no session store'))
    return inTurn(sessionStore, session.id, async function writeMerged() {
      const { id } = session
      const mine = savableDataOf(session)
      const stored = await getStored(sessionStore, id, timeoutMs)
      // Saving it would bring a session back that was logged out.
      if (stored === null && live.storedId === id) throw new Error('the session has ended: nothing is saved')
      const data = stored === null ? mine : merge(base, mine, stored.data)
      const own = cookieOf(session)
      const cookie = stored === null || own.originalMaxAge !== baseMaxAge ? own : stored.cookie
      const written = await setStored(sessionStore, id, { data, cookie }, timeoutMs)
      live.storedId = id
      // What a handler changed while the store was asked is still to be saved.
      assign(session, merge(mine, dataOf(session), data, 'mine'))
      session.cookie = (written as Session).cookie ?? session.cookie
      if (session !== raw) return
      base = data
      baseMaxAge = cookieOf(session).originalMaxAge
    })
  }

  function refresh({ data }: Stored): void {
    if (raw === null || raw.id !== live.storedId) return
    try {
      assign(raw, merge(base, dataOf(raw), data))
      base = data
    } catch {
      // A handler has put something there that is no JSON, and could not be saved: the session goes on as it is.
    }
  }
}

const cookieOf = ({ cookie }: Session): Stored['cookie'] => JSON.parse(JSON.stringify(cookie ?? {})) as Stored['cookie']
