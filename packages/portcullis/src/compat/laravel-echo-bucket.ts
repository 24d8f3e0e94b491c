/** How often one socket may do something. */

/** True while there is something left; `perSecond` come back each second, up to `burst`. */
export function createBucket(perSecond: number, burst: number): () => boolean {
  let left = burst
  let atMs = performance.now()
  return function take() {
    const nowMs = performance.now()
    left = Math.min(burst, left + ((nowMs - atMs) / 1000) * perSecond)
    atMs = nowMs
    if (left < 1) return false
    left -= 1
    return true
  }
}
