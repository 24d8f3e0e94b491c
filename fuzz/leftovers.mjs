// @ts-check
/** What the server still holds when nobody is connected any more. */

/** Engine.IO notices an abandoned polling session after two of its pings. Milliseconds. */
const PATIENCE_MS = 15_000

/** @typedef {{ leftovers: Record<string, number>, timers: number, connections: number[] }} State */

/** What is not as it was, in words. @param {import('./target.mjs').Target} target @param {State} before */
export async function leftAtTheEnd(target, before) {
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    const left = differences(before, await target.ask('state'))
    if (left.length === 0 || performance.now() > until) return left
    await target.ask('turn')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** @param {State} before @param {State} now */
function differences(before, now) {
  const left = Object.entries(now.leftovers)
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => `${what}: ${count}`)
  if (now.timers > before.timers) left.push(`timers: ${now.timers} instead of ${before.timers}`)
  const connections = now.connections.reduce((sum, count) => sum + count, 0)
  if (connections !== 0) left.push(`connections: ${connections}`)
  return left
}
