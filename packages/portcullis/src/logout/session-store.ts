/** A session store of express-session whose destroyed sessions end their sockets, on every node. */

import { AuthError } from '../errors.ts'
import { knownOptions } from '../option-checks.ts'
import { type AfterwardsOptions, type Callback, createAfterwards } from './afterwards.ts'
import { type RevokingAuth, within } from './ending.ts'

export type { AfterwardsOptions } from './afterwards.ts'
export type { EndingOptions, RevokingAuth } from './ending.ts'

/** What is needed of an express-session store. */
export interface DestroyingStore {
  destroy(sid: string, callback?: Callback): unknown
}

type Method = (...args: unknown[]) => unknown

const OPTIONS = new Set(['maxWaitMs', 'rememberSeconds', 'onError', 'clock'])

/**
 * Makes the end of a session the end of its sockets: whatever destroys a session through this store, `req.session.destroy`, a
 * logout or login by Passport (both regenerate the session), `store.destroy` of an admin page, also revokes `{ session }`. Returns
 * the same store: its methods `destroy`, `regenerate` and `clear` are shadowed on the instance, so that who holds it by another name
 * goes the same way.
 *
 * The session is destroyed first: whoever is told to reconnect must not find it. When the store fails, or has not answered within
 * `maxWaitMs`, the sockets end all the same, and stay out: a logout that was asked for counts, for sockets, from that moment. The
 * callback is called once both are done; it hears the store's error, or else that of the revocation. A login waits as well: it
 * destroys the session of the visitor who logs in.
 *
 * `clear` revokes each session that the store lists by `ids` (connect-redis) or `all` (MemoryStore) right before, one revocation
 * for each; of a store that has neither it ends no sockets, and its callback hears an error.
 *
 * Does not see: sessions that expire (the lease ends with them), or that something else deletes in the database.
 *
 * @throws TypeError at once, when an option is malformed, or the store frozen
 * @example
 * const store = endSocketsWithSessions(new RedisStore({ client }), auth)
 * app.use(session({ store, secret, resave: false, saveUninitialized: false }))
 * @see https://github.com/expressjs/session#session-store-implementation; subpath `portcullis/logout/session-store`
 */
export function endSocketsWithSessions<Store extends DestroyingStore>(
  store: Store,
  auth: RevokingAuth,
  options: AfterwardsOptions = {},
): Store {
  knownOptions(options, OPTIONS, 'endSocketsWithSessions')
  if (typeof store?.destroy !== 'function') throw new TypeError('"store" must be an express-session store')
  const { after, settings } = createAfterwards(auth, Object.assign(Object.create(null), options))
  const methods = store as unknown as Record<string, Method | undefined>
  const { destroy, regenerate, clear } = methods as { destroy: Method; regenerate?: Method; clear?: Method }
  // Old ids of sessions being regenerated, until the store has destroyed them by `destroy`.
  const regenerating = new Set<unknown>()

  shadow(store, 'destroy', function destroyAndEnd(sid, callback) {
    regenerating.delete(sid)
    return after((done) => Reflect.apply(destroy, store, [sid, done]), keysOf([sid]), asCallback(callback))
  })
  if (typeof regenerate === 'function') {
    shadow(store, 'regenerate', function regenerateAndEnd(request, callback) {
      const { sessionID: sid } = request as { readonly sessionID?: unknown }
      regenerating.add(sid)
      return Reflect.apply(regenerate, store, [
        request,
        (error: unknown) => {
          // Most stores inherit express-session's way, which calls `destroy`. This one has its own.
          if (regenerating.delete(sid)) void after((done) => done(error), keysOf([sid]), asCallback(callback))
          else asCallback(callback)?.(error)
        },
      ])
    })
  }
  if (typeof clear === 'function') {
    shadow(store, 'clear', async function clearAndEnd(callback) {
      const unlisted: unknown[] = []
      const sids = await within(settings.maxWaitMs, settings.clock, 'sessions_unlisted', () => listed(methods)).catch(
        (error: unknown) => {
          unlisted.push(error)
          return []
        },
      )
      const cleared = (done: Callback) =>
        Reflect.apply(clear, store, [(error: unknown) => done(error ?? unlisted[0] ?? null)])
      return after(cleared, keysOf(sids), asCallback(callback))
    })
  }
  return store
}

/** On the instance, where express-session puts its `generate`; as invisible as what it shadows. @throws TypeError */
function shadow(store: object, name: string, value: Method): void {
  Object.defineProperty(store, name, { value, configurable: true, writable: true })
}

/** A session without an id has no sockets. */
function keysOf(sids: readonly unknown[]) {
  return sids.filter((sid) => typeof sid === 'string' && sid !== '').map((sid) => ({ session: sid as string }))
}

function asCallback(value: unknown): Callback | undefined {
  return typeof value === 'function' ? (value as Callback) : undefined
}

/** The ids of all sessions. @throws whatever the store threw; AuthError AUTH_ERROR when it cannot list them */
function listed(store: Readonly<Record<string, Method | undefined>>): Promise<readonly unknown[]> {
  const list = store.ids ?? store.all
  return new Promise((resolve, reject) => {
    if (typeof list !== 'function') throw new AuthError('AUTH_ERROR', { reason: 'sessions_unlisted' })
    const answer = (error: unknown, found?: unknown) => (error ? reject(error) : resolve(idsIn(found)))
    Promise.resolve(Reflect.apply(list, store, [answer])).catch(reject)
  })
}

/** Ids, sessions with an id each, or an object of sessions by id: stores differ. */
function idsIn(found: unknown): readonly unknown[] {
  if (!Array.isArray(found)) return Object.keys((found ?? {}) as object)
  return found.map((each) => (typeof each === 'string' ? each : (each as { readonly id?: unknown } | null)?.id))
}
