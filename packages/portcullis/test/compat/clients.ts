/** socket.io-client of three generations. */

import { createRequire } from 'node:module'
import { io as io4, type Socket } from 'socket.io-client'

const require = createRequire(import.meta.url)

/** The `io` of a generation; all three have what is used here. */
export type Connect = (url: string, options?: object) => Socket

export const io2 = require('socket.io-client-2') as Connect

export const CLIENTS: readonly (readonly [number, Connect])[] = [
  [4, io4 as Connect],
  [3, require('socket.io-client-3').io as Connect],
  [2, io2],
]
