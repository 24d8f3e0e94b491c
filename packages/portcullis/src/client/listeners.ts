/** Typed listeners for a handful of events, each with one value. */

export interface Listeners<Events> {
  /** The returned function takes the listener off again. */
  on<Name extends keyof Events>(event: Name, fn: (value: Events[Name]) => void): () => void
  emit<Name extends keyof Events>(event: Name, value: Events[Name]): void
}

export function listeners<Events>(): Listeners<Events> {
  const sets: { [Name in keyof Events]?: Set<(value: Events[Name]) => void> } = {}
  return {
    on(event, fn) {
      const set: Set<typeof fn> = sets[event] ?? new Set()
      sets[event] = set
      // A function of its own, so that one listener given twice is two, and `off` takes one.
      const entry: typeof fn = (value) => fn(value)
      set.add(entry)
      return () => {
        set.delete(entry)
      }
    },
    emit(event, value) {
      for (const fn of [...(sets[event] ?? [])]) fn(value)
    },
  }
}
