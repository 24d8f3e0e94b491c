// @ts-check
/** What a run leaves in a Redis that others use as well. */

import { createClient } from 'redis'

/** Deletes what begins with `prefix`. @param {string} url @param {string} prefix */
export async function forgetKeys(url, prefix) {
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  for await (const keys of client.scanIterator({ MATCH: `${prefix}:*`, COUNT: 1_000 })) {
    if (keys.length > 0) await client.del(keys)
  }
  await client.close()
}
