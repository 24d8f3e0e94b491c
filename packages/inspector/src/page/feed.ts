/** Decisions as they happen: over Server-Sent Events, and by asking again where those do not come through. */

import { signal } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import type { DecisionBatch, DecisionEvent } from '../source.ts'
import { address, get, loadSession, type Params } from './api.ts'

/** So many are kept on the page. */
export const KEPT = 300
/** So many failures of the stream in a row, and it is asked for instead. */
const MAX_FAILURES = 3
const POLL_MS = 2_000

/** How the feed is doing. */
export type FeedState = 'opening' | 'live' | 'polling' | 'broken'

/** Follows decisions while it is on the page; newest first. Paused, it stops and later goes on where it was. */
export function useFeed(filter: Params, paused: boolean) {
  const key = address('', filter)
  const feed = useMemo(
    () => ({
      events: signal<readonly DecisionEvent[]>([]),
      missed: signal(0),
      state: signal<FeedState>('opening'),
      cursor: undefined as string | undefined,
    }),
    [key],
  )

  useEffect(() => {
    if (paused) return
    let source: EventSource | null = null
    let timer: ReturnType<typeof setTimeout> | undefined
    let failures = 0
    let closed = false

    function take({ events, next, missed }: DecisionBatch): void {
      feed.cursor = next
      feed.missed.value += missed
      if (events.length > 0) feed.events.value = [...events.toReversed(), ...feed.events.value].slice(0, KEPT)
    }
    function open(): void {
      source = new EventSource(address('api/decisions/stream', { ...filter, after: feed.cursor }))
      source.onopen = () => {
        failures = 0
        feed.state.value = 'live'
      }
      source.onmessage = ({ data }) => take(JSON.parse(String(data)))
      source.onerror = () => {
        failures += 1
        feed.state.value = 'opening'
        if (source?.readyState !== EventSource.CLOSED && failures < MAX_FAILURES) return
        source?.close()
        // A stream says nothing of why it was refused.
        void loadSession().then(poll)
      }
    }
    async function poll(): Promise<void> {
      if (closed) return
      try {
        take(await get<DecisionBatch>('decisions', { ...filter, after: feed.cursor, limit: 200 }))
        feed.state.value = 'polling'
      } catch {
        feed.state.value = 'broken'
      }
      if (!closed) timer = setTimeout(poll, POLL_MS)
    }
    open()
    return () => {
      closed = true
      source?.close()
      clearTimeout(timer)
    }
  }, [key, paused])
  return feed
}
