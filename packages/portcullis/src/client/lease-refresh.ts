/** Keeps the lease of a connection that stands from ending: learns its end, and presents a new credential before it. */

import { REFRESH, type RefreshReply, type Refusal, WHOAMI, type WhoamiReply } from '../protocol.ts'
import { type ClientClock, whenOnline } from './clock.ts'
import { AuthRefusal, unavailable } from './refusal.ts'
import { LASTING_MS, retryPlan } from './retry-plan.ts'

export interface LeaseRefreshOptions {
  readonly clock: ClientClock
  readonly random: () => number
  /** The credential as a payload; that there is none in time is a rejection. */
  readonly ask: (refused: Refusal | null) => Promise<object>
  readonly whoami: () => Promise<WhoamiReply>
  readonly present: (payload: object) => Promise<RefreshReply>
  readonly onRefreshed: (reply: RefreshReply) => void
  /** `event` of the protocol was refused, or what it needs could not be obtained. */
  readonly onRefused: (refusal: Refusal, event: string, willRetry: boolean, cause: unknown) => void
}

export interface LeaseRefresh {
  /** A connection stands. */
  begin(): void
  /** It is gone, or no longer ours. */
  end(): void
  /** The server says that the lease ends soon. */
  warned(remainingMs: number): void
  /** One attempt now; while one is under way, its outcome. @throws AuthRefusal */
  refresh(): Promise<RefreshReply>
}

const MIN_LEAD_MS = 5_000
const MAX_LEAD_MS = 60_000
/** No timer is longer, so that a sleep is noticed this long after it at the latest. */
const TICK_MS = 30_000

/** What a credential has to cure before anybody has refused the present one. */
const ENDING: Refusal = { code: 'AUTH_EXPIRED', message: 'The lease ends soon.', retry: 'refresh' }

export function leaseRefresh(options: LeaseRefreshOptions): LeaseRefresh {
  const { clock, random } = options
  const plan = retryPlan(random)
  /** What began on an earlier connection no longer counts. */
  let turn = 0
  let stands = false
  /** When the present lease began here, by our own clock. Milliseconds. */
  let leaseSince = 0
  let cancelWait = () => {}
  let underWay: Promise<RefreshReply> | null = null
  /** The last attempt failed, and it is decided when the next one is due, if ever. */
  let failed = false

  async function learn(): Promise<void> {
    const mine = turn
    try {
      const { expiresAt, serverTime } = await options.whoami()
      // Only differences of the server's own times: the clock here may be wrong.
      const remainingMs = ((expiresAt ?? Number.NaN) - serverTime) * 1000
      if (mine === turn && !failed && remainingMs < Number.POSITIVE_INFINITY) schedule(remainingMs)
    } catch (error) {
      const refusal = error as AuthRefusal
      if (mine === turn && refusal.retry === 'refresh') follow(refusal, WHOAMI)
    }
  }

  // Spread out, because the leases of many clients may end at one moment.
  function schedule(remainingMs: number): void {
    const share = (Math.min(MAX_LEAD_MS, remainingMs / 5) * (1 + random())) / 2
    const leadMs = Math.min(Math.max(MIN_LEAD_MS, share), remainingMs / 2)
    waitFor(Math.max(LASTING_MS, remainingMs - leadMs))
  }

  // A timer stands still while a computer sleeps, and a wall clock may be set: whichever moved further counts.
  function waitFor(delayMs: number): void {
    const since = clock.now()
    const tickMs = Math.min(delayMs, TICK_MS)
    later(tickMs, () => {
      const leftMs = delayMs - Math.max(tickMs, clock.now() - since)
      if (leftMs > 0) waitFor(leftMs)
      else renew(ENDING)
    })
  }

  function later(delayMs: number, fn: () => void): void {
    cancelWait()
    cancelWait = clock.setTimer(fn, delayMs)
  }

  function renew(refused: Refusal | null): void {
    cancelWait()
    cancelWait = whenOnline(() => {
      refresh(refused).catch(() => {})
    })
  }

  function refresh(refused: Refusal | null): Promise<RefreshReply> {
    if (!stands) return Promise.reject(new AuthRefusal(unavailable('There is no connection.')))
    if (underWay) return underWay
    const mine = turn
    underWay = present(refused)
    underWay.then(
      (reply) => {
        if (mine !== turn) return
        begin()
        options.onRefreshed(reply)
      },
      (error: AuthRefusal) => {
        if (mine !== turn) return
        underWay = null
        follow(error, REFRESH, refused)
      },
    )
    return underWay
  }

  async function present(refused: Refusal | null): Promise<RefreshReply> {
    const mine = turn
    const payload = await options.ask(refused).catch((cause) => {
      throw new AuthRefusal(unavailable('The credential could not be obtained.'), { cause })
    })
    if (mine !== turn) throw new AuthRefusal(unavailable('The connection ended.'))
    return options.present(payload)
  }

  function follow({ code, message, retry, cause }: AuthRefusal, event: string, cured: Refusal | null = null): void {
    const refusal = { code, message, retry }
    const next = plan.next(refusal)
    failed = true
    cancelWait()
    if (next.step === 'refresh') renew(refusal)
    else if (next.step === 'wait') later(next.delayMs, () => renew(cured))
    // Last: the application may call back into this module from its listener.
    options.onRefused(refusal, event, next.step !== 'stop', cause)
  }

  function begin(): void {
    end()
    stands = true
    leaseSince = clock.now()
    learn()
  }

  function end(): void {
    cancelWait()
    turn += 1
    stands = false
    underWay = null
    failed = false
    plan.forget()
  }

  return {
    begin,
    end,
    // A lease may be shorter than the time at which a server warns: to refresh each at once would never end.
    warned(remainingMs) {
      if (failed) return
      if (clock.now() - leaseSince < remainingMs) schedule(remainingMs)
      else renew(ENDING)
    },
    refresh: () => refresh(null),
  }
}
