/** Options of 0.9's client, as those of today. */

import type { ManagerOptions, SocketOptions } from 'socket.io-client'

export type Options = Partial<ManagerOptions & SocketOptions>

/** Options of 0.9 that have another name today. */
const OPTION_NAMES: Readonly<Record<string, keyof Options>> = {
  'auto connect': 'autoConnect',
  'connect timeout': 'timeout',
  'force new connection': 'forceNew',
  reconnect: 'reconnection',
  'reconnection delay': 'reconnectionDelay',
  'reconnection limit': 'reconnectionDelayMax',
  'max reconnection attempts': 'reconnectionAttempts',
}

export function optionsOf(options: Readonly<Record<string, unknown>>): Options {
  const entries = Object.entries(options).map(([name, value]): [string, unknown] => {
    if (name === 'resource') return ['path', `/${String(value).replace(/^\//, '')}`]
    if (name === 'transports' && Array.isArray(value)) return [name, transportsOf(value)]
    return [Object.hasOwn(OPTION_NAMES, name) ? String(OPTION_NAMES[name]) : name, value]
  })
  return Object.fromEntries(entries)
}

/** Polling first where it is among them: it alone tells why a handshake is refused, as in 0.9 every handshake did. */
function transportsOf(names: readonly unknown[]): string[] {
  const polling = names.some((name) => name !== 'websocket' && name !== 'flashsocket')
  return [...(polling ? ['polling'] : []), ...(names.includes('websocket') ? ['websocket'] : [])]
}
