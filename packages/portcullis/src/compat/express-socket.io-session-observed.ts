/** Notices a change to an object, whoever makes it and when: also a handler that went on after an `await`. */

import { isPlain } from './express-socket.io-session-merge.ts'

const targets = new WeakMap<object, object>()

/** What was observed, or the object itself. */
export const unobserved = (value: object): object => targets.get(value) ?? value

/**
 * The object behind a proxy, which calls `changed` whenever a field of it, or of a plain object or list in it, is set or deleted;
 * and whenever something else is read, such as a `Date`, which may then change unseen.
 */
export function observed<T extends object>(target: T, changed: () => void): T {
  const within = new WeakMap<object, object>()

  function observe<O extends object>(object: O): O {
    const known = within.get(object)
    if (known !== undefined) return known as O
    const proxy = new Proxy(object, {
      get(of, key, receiver) {
        const value: unknown = Reflect.get(of, key, receiver)
        if (typeof value !== 'object' || value === null) return value
        // What cannot be written must be shown as it is; express-session keeps the request there.
        const { enumerable, configurable } = Object.getOwnPropertyDescriptor(of, key) ?? {}
        if (!enumerable || !configurable) return value
        if (isPlain(value) || Array.isArray(value)) return observe(value)
        if (key !== 'cookie') changed()
        return value
      },
      set(of, key, value: unknown) {
        const isSet = Reflect.set(of, key, typeof value === 'object' && value !== null ? unobserved(value) : value)
        if (key !== 'cookie') changed()
        return isSet
      },
      deleteProperty(of, key) {
        changed()
        return Reflect.deleteProperty(of, key)
      },
    })
    within.set(object, proxy)
    targets.set(proxy, object)
    return proxy
  }

  return observe(target)
}
