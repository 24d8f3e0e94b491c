/** Keys, ids and the recorded vectors of Pusher's scheme. */

import { createHmac } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const KEY = { key: '278d425bdf160c739803', secret: '7ad3773142a6692b25b8' }
export const OLD_KEY = { key: 'an-older-key', secret: 'an older secret of an app' }
/** As Socket.IO makes them. */
export const SOCKET = 'Zk3_vT9qLm-0aBcDeF12'
export const OTHER_SOCKET = 'Zk3_vT9qLm-0aBcDeF13'

export interface Vectors {
  readonly positive: readonly {
    readonly kind: 'channel' | 'presence' | 'user'
    readonly key: string
    readonly secret: string
    readonly string_to_sign: string
    readonly signature: string
  }[]
  readonly invalid_socket_ids: readonly unknown[]
  readonly invalid_channels: readonly unknown[]
}

const file = fileURLToPath(new URL('../../../../../shared/vectors/pusher/pusher_auth.json', import.meta.url))
export const present = existsSync(file)
if (!present) console.warn('skipped: the vectors of Pusher are not beside this repository')

export const vectors: Vectors = present
  ? (JSON.parse(readFileSync(file, 'utf8')) as Vectors)
  : { positive: [], invalid_socket_ids: [], invalid_channels: [] }

/** A signature of any text at all, made without the code under test. */
export function rawAuth(text: string, { key, secret } = KEY): string {
  return `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`
}
