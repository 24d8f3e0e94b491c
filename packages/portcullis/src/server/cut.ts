/** The end of a connection that owes nobody anything, whether or not its client agrees. */

/** The part of an Engine.IO socket that is used. */
interface Cuttable {
  close(discard?: boolean): unknown
  readonly transport?: { readonly socket?: { terminate?(): void }; readonly shouldClose?: unknown }
}

/**
 * At once. Otherwise Engine.IO 6.6 waits for what is written to be fetched, and half a minute for a polling client to poll once
 * more, even where a close is under way; and `ws` waits as long for its closing frame to be answered.
 */
export function cut(engineSocket: Cuttable): void {
  const { transport } = engineSocket
  engineSocket.close(true)
  if (typeof transport?.shouldClose === 'function') transport.shouldClose()
  transport?.socket?.terminate?.()
}
