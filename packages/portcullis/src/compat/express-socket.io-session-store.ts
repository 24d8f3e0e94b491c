/** The store of express-session by promises, and one writer at a time for each session. */

import { type Data, dataOf } from './express-socket.io-session-merge.ts'

type Done = (error?: unknown, value?: unknown) => void

/** What express-session requires of a store, and gives it. */
export interface Store {
  get(id: string, done: (error: unknown, session?: unknown) => void): unknown
  set(id: string, session: never, done: (error?: unknown) => void): unknown
  createSession?(request: object, session: never): object
}

/** A session as a store holds it. */
export interface Stored {
  readonly data: Data
  readonly cookie: { readonly expires?: unknown; readonly originalMaxAge?: unknown }
}

/** Null where there is none any more, or it has expired, which not every store notices. */
export async function getStored(store: Store, id: string, timeoutMs: number): Promise<Stored | null> {
  const session = await answerOf((done) => store.get(id, done), timeoutMs)
  if (typeof session !== 'object' || session === null) return null
  const { cookie } = JSON.parse(JSON.stringify(session)) as { cookie?: Stored['cookie'] }
  const stored = { data: dataOf(session), cookie: cookie ?? {} }
  const end = endOf(stored.cookie.expires)
  return end !== null && end * 1000 <= Date.now() ? null : stored
}

/** Writes data under a cookie whose life begins anew, as an HTTP request would. Returns the session that was written. */
export async function setStored(
  store: Store,
  id: string,
  { data, cookie }: Stored,
  timeoutMs: number,
): Promise<object> {
  const plain = { ...data, cookie: { ...cookie } }
  const request = { sessionID: id, sessionStore: store }
  const session: { touch?: () => unknown } = store.createSession?.(request, plain as never) ?? plain
  session.touch?.()
  await answerOf((done) => store.set(id, session as never, done), timeoutMs)
  return session
}

/** Epoch seconds; null for a session that lasts as long as the browser. */
export function endOf(expires: unknown): number | null {
  const end =
    expires instanceof Date || typeof expires === 'string' || typeof expires === 'number' ? +new Date(expires) : null
  return end === null || Number.isNaN(end) ? null : end / 1000
}

/** File stores answer with this code for a session that there is none of. */
const isAbsence = (error: unknown) => (error as { code?: unknown } | null)?.code === 'ENOENT'

/** The first answer counts. */
function answerOf(ask: (done: Done) => unknown, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the session store did not answer within ${timeoutMs} ms`)),
      timeoutMs,
    )
    const done: Done = (error, value) => {
      clearTimeout(timer)
      if (error && !isAbsence(error)) reject(error)
      else resolve(error ? null : value)
    }
    try {
      Promise.resolve(ask(done)).catch(done)
    } catch (error) {
      done(error)
    }
  })
}

const writers = new WeakMap<Store, Map<string, Promise<unknown>>>()

/** After all that was to be written to this session before. */
export function inTurn<T>(store: Store, id: string, write: () => Promise<T>): Promise<T> {
  const turns = writers.get(store) ?? new Map<string, Promise<unknown>>()
  writers.set(store, turns)
  const mine = (turns.get(id) ?? Promise.resolve()).then(write, write)
  turns.set(id, mine)
  const leave = () => {
    if (turns.get(id) === mine) turns.delete(id)
  }
  mine.then(leave, leave)
  return mine
}
