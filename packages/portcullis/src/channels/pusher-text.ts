/** What is signed, so that no text can be read in two ways, and the `auth` that carries a signature. */

/** `auth`, taken apart. */
export interface PresentedAuth {
  readonly key: string
  readonly signature: Buffer
  /** Epoch seconds in decimal, as they were signed; null in Pusher's own form. */
  readonly end: string | null
}

/** Upper case would be a second spelling of the same; an end is signed as it is spelt. */
const AUTH = /^([A-Za-z0-9_-]{1,64}):([0-9a-f]{64})(?::(\d{1,12}))?$/

/** What a channel's signature stands for, behind the socket's id. */
export function channelText(channel: string, data: string | undefined): string {
  return data === undefined ? channel : `${channel}:${data}`
}

/** What a user's signature stands for. A channel has no colon, so none can begin like this. */
export function userText(data: string): string {
  return `:user::${data}`
}

/**
 * With an end, the text begins with what neither a channel nor a user begins with: `123` at the end of Pusher's own form would be
 * `channel_data` as well.
 */
export function signedText(socketId: string, text: string, end: string | null): string {
  return end === null ? `${socketId}:${text}` : `${socketId}::expires::${end}:${text}`
}

export function authOf(key: string, signature: Buffer, end: string | null): string {
  const auth = `${key}:${signature.toString('hex')}`
  return end === null ? auth : `${auth}:${end}`
}

export function parseAuth(auth: unknown): PresentedAuth | null {
  const [, key = '', hex = '', end = null] = (typeof auth === 'string' ? AUTH.exec(auth) : null) ?? []
  return key === '' ? null : { key, signature: Buffer.from(hex, 'hex'), end }
}
