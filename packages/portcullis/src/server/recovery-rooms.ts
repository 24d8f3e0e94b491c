/** Which rooms a session that comes back may still hold: every one is decided anew, under the authority that there is now. */

import { earlier, isExpired } from '../core/lease.ts'
import type { AuthErrorCode } from '../errors.ts'
import { isUndecided } from './apply-policy.ts'
import type { Guard } from './guard.ts'
import { type Asker, codeOfVerdict, judgeRoom } from './judge-room.ts'
import type { AwayRecord } from './recovery-record.ts'

/** A room that is held again under a grant. */
export interface Regained {
  readonly room: string
  /** Epoch seconds; null when it lasts as long as the lease. */
  readonly expiresAt: number | null
  readonly presented: unknown
}

export interface RoomsNow {
  readonly regained: readonly Regained[]
  /** Rooms that the client asked for, or that followed from who it was, and that it may not hold any more. */
  readonly lost: readonly { readonly room: string; readonly code: AuthErrorCode }[]
}

export interface Earlier {
  readonly record: AwayRecord
  /** What was shown for each room, where that is still known. */
  readonly presented: ReadonlyMap<string, unknown>
  /** Rooms that need no decision: those of the socket itself, and those that follow from who it is now. */
  readonly settled: ReadonlySet<string>
}

/**
 * Null where a room cannot be decided: a rule failed, or the server joined it by its own word, and no rule permits it. Without that room, the client would believe that it has missed nothing.
 */
export async function judgeRooms(
  guard: Guard,
  asker: Asker,
  { record, presented, settled }: Earlier,
): Promise<RoomsNow | null> {
  const grants = new Map(record.grants)
  const former = new Set(record.memberships)
  const regained: Regained[] = []
  const lost: { room: string; code: AuthErrorCode }[] = []

  async function judge(room: string): Promise<boolean> {
    const end = grants.get(room) ?? null
    if (isExpired({ expiresAt: end }, guard.clock.now() / 1000)) {
      lost.push({ room, code: 'AUTH_EXPIRED' })
      return true
    }
    const shown = presented.get(room)
    const verdict = await judgeRoom(guard, asker, room, shown)
    const code = codeOfVerdict(verdict, guard.clock.now() / 1000)
    if (code === null && verdict.decision.effect === 'permit') {
      regained.push({ room, expiresAt: earlier(end, verdict.decision.expiresAt), presented: shown })
      return true
    }
    const refused = code ?? 'AUTH_FORBIDDEN'
    if (!grants.has(room) || isUndecided(refused)) return false
    lost.push({ room, code: refused })
    return true
  }

  const rooms = record.rooms.map(([room]) => room).filter((room) => !settled.has(room))
  const answers = await Promise.all(
    rooms.map((room) => {
      if (grants.has(room) || !former.has(room)) return judge(room)
      // What followed from who it was: no rule is asked.
      lost.push({ room, code: 'AUTH_FORBIDDEN' })
      return true
    }),
  )
  return answers.includes(false) ? null : { regained, lost }
}
