// @ts-check
/** Many leases that end together, in a process of their own. */

import { answer } from '../child.mjs'
import { expireMany } from '../expiry.mjs'
import { expireByHand } from '../expiry-by-hand.mjs'

const ROOMS = ['room:one']

answer({
  async run(/** @type {{ variant: 'portcullis' | 'by hand', count: number }} */ { variant, count }) {
    const outcome = variant === 'portcullis' ? await expireMany(count, ROOMS) : await expireByHand(count, ROOMS)
    if (outcome.count !== count) throw new Error(`${variant}: ${outcome.count} of ${count} were closed`)
    return outcome
  },
})
