/** Texts of any length on NOTIFY, which carries less than 8,000 bytes at once. */

/** Under the 8,000 with what stands before it. */
const MAX_CHUNK_BYTES = 7_800
/** Of `MAX_CHUNK_BYTES` each: more than anything that a log says needs. */
const MAX_CHUNKS = 20

/** A text as what to notify of in one transaction, in which order is kept: `+` where more comes, `.` where it ends. */
export function noticesOf(text: string): readonly string[] {
  const bytes = Buffer.from(text)
  const notices: string[] = []
  for (let at = 0; ; ) {
    let end = Math.min(at + MAX_CHUNK_BYTES, bytes.length)
    // Not within a character.
    while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
    const last = end === bytes.length
    notices.push((last ? '.' : '+') + bytes.toString('utf8', at, end))
    if (last) return notices
    at = end
  }
}

/** Puts notices together again. What somebody else sends between them spoils a text, which its seal then shows. */
export function createJoin(heard: (text: string) => void): (notice: string) => void {
  let parts: string[] = []
  return (notice) => {
    parts.push(notice.slice(1))
    if (notice.startsWith('+') && parts.length < MAX_CHUNKS) return
    const text = parts.join('')
    parts = []
    heard(text)
  }
}
