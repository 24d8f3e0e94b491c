/** Listeners for what 0.9's client said by itself. */

/** Each event has arguments of its own. */
export type Listener = (...args: never[]) => void

/** What 0.9 said by itself; every other event is one of the application's. */
const OWN_EVENTS = [
  'connecting',
  'connect',
  'connect_failed',
  'error',
  'reconnecting',
  'reconnect',
  'reconnect_failed',
  'disconnect',
] as const

export const isOwn = (event: string): boolean => (OWN_EVENTS as readonly string[]).includes(event)

export interface Emitter {
  on(event: string, listener: Listener): this
  addListener(event: string, listener: Listener): this
  once(event: string, listener: Listener): this
  removeListener(event: string, listener: Listener): this
  removeAllListeners(event?: string): this
}

/** The application's events are those of today's socket. */
export interface Passed {
  on(event: string, listener: Listener): unknown
  once(event: string, listener: Listener): unknown
  off(event?: string, listener?: Listener): unknown
}

/** Calls the listeners of an event. */
export type Tell = (event: string, ...args: unknown[]) => void

export function createEmitter(): { readonly emitter: Passed; readonly tell: Tell } {
  const listeners = new Map<string, { listener: Listener; once: boolean }[]>()
  const add = (event: string, listener: Listener, once: boolean) =>
    listeners.set(event, [...(listeners.get(event) ?? []), { listener, once }])
  const emitter: Passed = {
    on: (event, listener) => add(event, listener, false),
    once: (event, listener) => add(event, listener, true),
    off(event, listener) {
      if (event === undefined) listeners.clear()
      else
        listeners.set(event, listener ? (listeners.get(event) ?? []).filter((each) => each.listener !== listener) : [])
    },
  }
  return {
    emitter,
    tell(event, ...args) {
      for (const { listener, once } of listeners.get(event) ?? []) {
        if (once) emitter.off(event, listener)
        ;(listener as (...args: unknown[]) => void)(...args)
      }
    },
  }
}
