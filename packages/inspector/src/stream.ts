/** Decisions as they happen, as Server-Sent Events that go on where they broke off. */

import type { ServerResponse } from 'node:http'
import { follow } from './follow.ts'
import { type InspectorRequest, Problem } from './http.ts'
import type { DecisionFilter, Decisions } from './source.ts'
import { decisionsView } from './views.ts'

/** The live feeds of one inspector. */
export interface Streams {
  /** Ends those whose operator may no longer look, at once. */
  recheck(): void
  /** @throws Problem 503 when there are too many */
  open(req: InspectorRequest, res: ServerResponse, request: StreamRequest): void
  close(): void
}

/** Which decisions, and for how long. */
export interface StreamRequest {
  readonly filter: DecisionFilter
  /** Where to go on; without one, at the last ones. */
  readonly after: string | undefined
  /** Asked every 15 seconds. False ends the feed: whoever was logged out sees no more. */
  allowed(): Promise<boolean>
}

const MAX_STREAMS = 32
const LIMIT = 200
/** Four times a second is live to the eye. */
const GATHER_MS = 250
const CHECK_MS = 15_000
/** Beyond this the reader is slow: it gets no more until it has caught up. */
const MAX_UNSENT_BYTES = 262_144

export function createStreams(decisions: Decisions, onError: (error: unknown) => void): Streams {
  const open = new Map<() => void, () => void>()
  return {
    open(req, res, { filter, after, allowed }) {
      if (open.size >= MAX_STREAMS) throw new Problem(503, 'Too many live feeds are open.', 10)
      res.statusCode = 200
      res.setHeader('Content-Type', 'text/event-stream; charset=utf-8')
      // Proxies and compressing middlewares would gather what is to be seen at once.
      res.setHeader('Cache-Control', 'no-store, no-transform')
      res.setHeader('X-Accel-Buffering', 'no')
      res.write('retry: 2000\n\n')
      const following = follow({
        decisions,
        filter,
        after,
        limit: LIMIT,
        gatherMs: GATHER_MS,
        deliver(batch) {
          const view = decisionsView(batch)
          res.write(`id: ${view.next.replace(/[\r\n\0]/g, '')}\ndata: ${JSON.stringify(view)}\n\n`)
          return res.writableLength < MAX_UNSENT_BYTES
        },
        onError(error) {
          onError(error)
          end()
        },
      })
      const check = () => {
        allowed().then(
          (yes) => yes || end(),
          (error) => {
            onError(error)
            end()
          },
        )
      }
      const timer = setInterval(() => {
        res.write(':\n\n')
        check()
      }, CHECK_MS)
      timer.unref()
      const end = () => {
        if (!open.delete(end)) return
        clearInterval(timer)
        following.close()
        res.end()
      }
      open.set(end, check)
      res.on('drain', () => following.wake())
      res.on('close', end)
      req.on('error', end)
      res.on('error', end)
    },
    recheck() {
      for (const check of open.values()) check()
    },
    close() {
      for (const end of [...open.keys()]) end()
    },
  }
}
