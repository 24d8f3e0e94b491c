// @ts-check
/** Messages from the backend to rooms, and who heard them. */

import { randomBytes } from 'node:crypto'
import { NAMESPACE } from './crowd-plan.mjs'

/**
 * A message to all every `everyMs`, until it is told to stop: while clients come back, none may hear one twice.
 *
 * @param {import('./gateway-node.mjs').GatewayNode} node
 * @param {number} everyMs
 */
export function sendNews(node, everyMs) {
  /** @type {string[]} */
  const sent = []
  let stopped = false
  const sending = (async () => {
    while (!stopped) {
      sent.push(await publish(node, 'everyone', 'everyone'))
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
  })()
  return async () => {
    stopped = true
    await sending
    return sent
  }
}

/** @param {import('./gateway-node.mjs').GatewayNode} node @param {string} room @param {'everyone' | 'org'} event */
async function publish(node, room, event) {
  const id = randomBytes(8).toString('hex')
  await node.ask('/v1/publish', { namespace: NAMESPACE, to: { room }, event, args: [id] })
  return id
}

/**
 * One message to a room, and how often it came to whom.
 *
 * @param {import('./gateway-node.mjs').GatewayNode} node
 * @param {import('./crowd.mjs').Crowd} crowd
 * @param {number} meant
 * @param {{ room: string, org?: string }} to
 * @param {number} seconds
 */
export async function broadcast(node, crowd, meant, { room, org }, seconds) {
  const id = await publish(node, room, org === undefined ? 'everyone' : 'org')
  const heard = () => crowd.heard(id, org)
  const endMs = Date.now() + Math.min(seconds, 10) * 1_000
  while ((await heard()).never > 0 && Date.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 20))
  // One more round through every process: a second copy would be right behind the first.
  await crowd.state()
  const counts = await heard()
  if (counts.once + counts.never + counts.again !== meant) throw new Error('a client is missing')
  return counts
}

/**
 * How often of all these came twice, or to somebody else.
 *
 * @param {import('./crowd.mjs').Crowd} crowd @param {readonly string[]} sent
 */
export async function amiss(crowd, sent) {
  const sum = { sent: sent.length, again: 0, stray: 0 }
  for (const id of sent) {
    const { again, stray } = await crowd.heard(id)
    sum.again += again
    sum.stray += stray
  }
  return sum
}
