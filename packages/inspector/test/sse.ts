/** Reads Server-Sent Events, as far as a test wants. */

/** One event of a stream. */
export interface StreamEvent {
  readonly id: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read events of every shape
  readonly data: any
}

/** A stream that is open. */
export interface Stream {
  /** Resolves with the next event; null when the stream has ended. */
  next(): Promise<StreamEvent | null>
  close(): void
}

export async function openStream(url: string, headers: Record<string, string>): Promise<Stream> {
  const abort = new AbortController()
  const response = await fetch(url, { headers, signal: abort.signal })
  if (response.status !== 200 || response.body === null) throw new Error(`the stream answered ${response.status}`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  return {
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n')
        if (end >= 0) {
          const block = text.slice(0, end)
          text = text.slice(end + 2)
          const id = /^id: (.*)$/m.exec(block)?.[1]
          const data = /^data: (.*)$/m.exec(block)?.[1]
          if (id !== undefined && data !== undefined) return { id, data: JSON.parse(data) }
          continue
        }
        const { value, done } = await reader.read()
        if (done) return null
        text += value
      }
    },
    close: () => abort.abort(),
  }
}
