/** A handshake that is about to be made, and what it may come to. */

export const PATH = '/socket.io/?EIO=4&transport=polling'

export interface Attempt {
  readonly path: string
  readonly headers: Record<string, string>
  /** Whom it admits; null when it must not be admitted. */
  readonly subject: string | null
  /** Its signature is wrong, so that it is refused without the store. */
  readonly forged?: boolean
  /** Appears in nothing that is said about it. */
  readonly secret: string
}
