/** A node in a process of its own, to be killed. Prints its address when it is ready. */

import { redisStore, startPresenceNode } from './presence-node.ts'

// It does not outlive a test run that was ended.
process.stdin.resume().once('end', () => process.exit())
const { REDIS_URL = '', PREFIX = '', TTL_MS = '' } = process.env
const { store } = await redisStore(REDIS_URL, PREFIX)
const { url } = await startPresenceNode(store, Number(TTL_MS), 'child')
process.stdout.write(`${url}\n`)
