/** The user as sockets see it: with `logged_in`, and without a change to an object that may be everybody's. */

/**
 * An own object with the same prototype and the same own properties, and `logged_in: true`. What is no object stays as it is.
 * A class with private `#fields` has none in the copy: load such users in the event handlers.
 */
export function loggedIn(user: unknown): unknown {
  if (typeof user !== 'object' || user === null) return user
  const shown: object = Object.create(Object.getPrototypeOf(user))
  copy(user, shown)
  Object.defineProperty(shown, 'logged_in', { value: true, writable: true, enumerable: true, configurable: true })
  return shown
}

/** Brings what sockets have up to the user as it is now, and leaves what handlers have added. */
export function refresh(shown: unknown, user: unknown): void {
  if (typeof shown === 'object' && shown !== null && typeof user === 'object' && user !== null) copy(user, shown)
}

function copy(user: object, to: object): void {
  for (const name of Reflect.ownKeys(user)) {
    const each = Object.getOwnPropertyDescriptor(user, name)
    if (each === undefined || name === 'logged_in') continue
    // A frozen user too may be changed by those who have it for themselves.
    Reflect.defineProperty(to, name, { ...each, configurable: true, ...('value' in each ? { writable: true } : {}) })
  }
}
