/** The history that Socket.IO's own adapter keeps in the memory of one process. */

import { type Claim, type History, isFor, type Keeping, type Missed } from './recovery-history.ts'
import type { Mark } from './recovery-record.ts'

/** The part of `SessionAwareAdapter` that is read. */
interface Remembering extends Keeping {
  readonly sessions: Map<string, unknown>
  /** In order; the oldest are forgotten after `maxDisconnectionDuration`. */
  readonly packets: readonly Sent[]
}

interface Sent {
  readonly id: string
  readonly opts: { readonly rooms: Set<string>; readonly except: Set<string> }
  readonly data: Missed
}

/** `restore` is the adapter's own way. Null for an adapter of another kind. */
export function memoryHistory(adapter: Keeping, restore: Keeping['restoreSession']): History | null {
  if (!isRemembering(adapter)) return null

  /** Of all that came after `offset`; null when that is forgotten. */
  function owedSince(offset: string, claim: Claim): readonly Missed[] | null {
    const { packets } = adapter as Remembering
    const places = new Map(packets.map(({ id }, i) => [id, i]))
    const start = places.get(offset)
    if (start === undefined) return null
    // A mark that is not there any more was before all that is.
    const placeOf = (mark: Mark | undefined) => (mark === null || mark === undefined ? -1 : (places.get(mark) ?? -1))
    const { before, own } = claim
    const joined = new Map([...before].map(([room, since]) => [room, placeOf(since)]))
    const connected = joined.get(own) ?? -1
    const isOwed = ({ opts }: Sent, place: number) =>
      place > start && place > connected && isFor(opts, claim, (room) => place > (joined.get(room) ?? connected))
    return packets.filter(isOwed).map(({ data }) => [...data])
  }

  return {
    inProcess: true,
    mark: () => adapter.packets.at(-1)?.id ?? null,
    settle: (mark) => mark,
    async take(pid, offset) {
      const restoring = restore.call(adapter, pid, offset)
      // In the same breath: a session is given once.
      adapter.sessions.delete(pid)
      const session = await restoring
      if (!session) return null
      return { session, owed: async (claim) => () => owedSince(offset, claim) }
    },
  }
}

function isRemembering(adapter: Keeping): adapter is Remembering {
  const { sessions, packets } = adapter as Partial<Remembering>
  return sessions instanceof Map && Array.isArray(packets)
}
