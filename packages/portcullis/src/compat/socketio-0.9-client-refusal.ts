/** What a refusal of today would have been in 0.9. */

/** The HTTP answer behind a failed handshake; null where there is none that refuses, or the browser does not tell. */
export function handshakeRefusal(error: Error): { readonly status: number; readonly reason: string } | null {
  const { description, context } = error as { description?: unknown; context?: { responseText?: unknown } }
  // A WebSocket on Node.js says it in words.
  const words = (description as { message?: unknown } | null | undefined)?.message
  const status = typeof description === 'number' ? description : Number(/response: (\d{3})$/.exec(String(words))?.[1])
  const text = context?.responseText
  const told = typeof text === 'string' && text.startsWith('handshake ') ? text : null
  if (status === 401 || status === 403) return { status, reason: told ?? 'handshake unauthorized' }
  if (status === 500) return { status, reason: told ?? 'handshake error' }
  return null
}

/** A server of Portcullis sends `data` with a code; the others a message of 0.9. */
export function refusalOf({ message, data }: Error & { data: unknown }): ['connect_failed' | 'error', string] {
  const code = (data as { code?: unknown } | null | undefined)?.code
  if (message === 'unauthorized') return ['connect_failed', message]
  if (typeof code !== 'string' || !code.startsWith('AUTH_')) return ['error', message]
  const undecided = code === 'AUTH_UNAVAILABLE' || code === 'AUTH_ERROR' || code === 'AUTH_RATE_LIMITED'
  return undecided ? ['error', message] : ['connect_failed', 'unauthorized']
}
