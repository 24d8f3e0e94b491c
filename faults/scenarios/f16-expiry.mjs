// @ts-check
/** F16: the leases of a crowd end in one second. */

import { expireMany } from '../../bench/expiry.mjs'
import { fault, missedOf, ms } from '../scenario.mjs'

export const scenario = fault({
  id: 'F16',
  fault: '10,000 leases end in the same second',
  done: '10,000 sockets in one process, each in a room, without a network (quick: 3,000)',
  goal: 'none closed early, all closed within 2 s with AUTH_EXPIRED, delay of the event loop p99 at most 50 ms',
  seconds: 90,
  async play({ quick }) {
    const sockets = quick ? 3_000 : 10_000
    const {
      count,
      reasons,
      firstMs = -1,
      lastMs = Number.POSITIVE_INFINITY,
      delayMs,
    } = await expireMany(sockets, ['room:one'])
    return {
      seen: `${count} closed, the first ${ms(firstMs)} and the last ${ms(lastMs)} after their end; loop delay p99 ${ms(delayMs.p99)}`,
      missed: missedOf({
        'all are closed': count === sockets && reasons.AUTH_EXPIRED === sockets,
        'none is early': firstMs >= 0,
        'the last within 2 s': lastMs <= 2_000,
        'loop delay p99 at most 50 ms': delayMs.p99 <= 50,
      }),
    }
  },
})
