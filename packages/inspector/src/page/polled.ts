/** Data that is asked for again and again, while somebody can see it. */

import { useCallback, useEffect, useState } from 'preact/hooks'

/** What is known, what went wrong at last, and a way to ask at once. */
export interface Polled<T> {
  readonly data: T | null
  readonly error: string | null
  reload(): void
}

/**
 * Asks when `key` changes, and `everyMs` after each answer; 0 asks once. The last answer stays while the next is on its way, and when
 * that fails.
 */
export function usePolled<T>(key: string, everyMs: number, load: (abort: AbortSignal) => Promise<T>): Polled<T> {
  const [state, setState] = useState<{ key: string; data: T | null; error: string | null }>({
    key,
    data: null,
    error: null,
  })
  const [turn, setTurn] = useState(0)
  // `load` is new at each drawing; `key` says whether it means something else.
  useEffect(() => {
    const abort = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    async function ask(): Promise<void> {
      if (document.hidden) return wait(1_000)
      try {
        const data = await load(abort.signal)
        if (!abort.signal.aborted) setState({ key, data, error: null })
      } catch (error) {
        if (abort.signal.aborted) return
        const title = error instanceof Error ? error.message : 'It failed.'
        setState((before) => ({ key, data: before.key === key ? before.data : null, error: title }))
      }
      if (everyMs > 0) wait(everyMs)
    }
    function wait(ms: number): void {
      if (!abort.signal.aborted) timer = setTimeout(ask, ms)
    }
    void ask()
    return () => {
      abort.abort()
      clearTimeout(timer)
    }
  }, [key, everyMs, turn])
  const reload = useCallback(() => setTurn((before) => before + 1), [])
  return { data: state.key === key ? state.data : null, error: state.error, reload }
}
