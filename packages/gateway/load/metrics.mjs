// @ts-check
/** What a gateway says of itself at `/metrics`, as far as it is measured here. */

/**
 * @typedef {object} Metrics
 * @property {number} atMs
 * @property {number} sockets
 * @property {number} handshakes decided so far, permitted or not
 * @property {Readonly<Record<string, number>>} decisions by stage and code
 * @property {number} cpuSeconds
 * @property {number} rssBytes
 * @property {number} lagMs the longest pause of the event loop since the last look
 */

/** @param {string} text @returns {Metrics} */
export function readMetrics(text) {
  /** @type {Record<string, number>} */
  const decisions = {}
  let [sockets, handshakes, cpuSeconds, rssBytes, lagMs] = [0, 0, 0, 0, 0]
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    const number = Number(value)
    if (name === 'portcullis_sockets') sockets += number
    if (name === 'process_cpu_seconds_total') cpuSeconds = number
    if (name === 'process_resident_memory_bytes') rssBytes = number
    if (name === 'nodejs_eventloop_lag_max_seconds') lagMs = number * 1_000
    if (name !== 'portcullis_decisions_total') continue
    const label = (/** @type {string} */ wanted) => new RegExp(`\\b${wanted}="([^"]*)"`).exec(labels)?.[1] ?? ''
    if (label('stage') === 'handshake') handshakes += number
    const key = `${label('stage')} ${label('code') || 'permit'}`
    decisions[key] = (decisions[key] ?? 0) + number
  }
  return { atMs: Date.now(), sockets, handshakes, decisions, cpuSeconds, rssBytes, lagMs }
}

/**
 * Looks at a node every `everyMs`, until it is told to stop.
 *
 * @param {{ metrics: () => Promise<Metrics> }} node
 * @param {number} everyMs
 */
export function watchNode(node, everyMs) {
  /** @type {Metrics[]} */
  const samples = []
  let stopped = false
  const watching = (async () => {
    while (!stopped) {
      samples.push(await node.metrics())
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
    samples.push(await node.metrics())
  })()
  return async () => {
    stopped = true
    await watching
    const [first, last] = [samples[0], samples.at(-1)]
    if (first === undefined || last === undefined) throw new Error('nothing was seen')
    let peak = 0
    for (const [index, { atMs, handshakes }] of samples.entries()) {
      const before = samples[index - 1]
      if (before !== undefined) peak = Math.max(peak, ((handshakes - before.handshakes) * 1_000) / (atMs - before.atMs))
    }
    return {
      peakHandshakesPerSecond: Math.round(peak),
      handshakes: last.handshakes - first.handshakes,
      cpuSeconds: round(last.cpuSeconds - first.cpuSeconds),
      cpuPercent: Math.round(((last.cpuSeconds - first.cpuSeconds) * 100_000) / (last.atMs - first.atMs)),
      rssMiB: Math.round(Math.max(...samples.map(({ rssBytes }) => rssBytes)) / 2 ** 20),
      pauseMs: Math.round(Math.max(...samples.slice(1).map(({ lagMs }) => lagMs))),
      refusals: difference(first.decisions, last.decisions),
    }
  }
}

/** @param {Readonly<Record<string, number>>} before @param {Readonly<Record<string, number>>} after */
function difference(before, after) {
  return Object.fromEntries(
    Object.entries(after)
      .filter(([key]) => !key.endsWith(' permit'))
      .map(([key, count]) => /** @type {const} */ ([key, count - (before[key] ?? 0)]))
      .filter(([, count]) => count > 0),
  )
}

/** @param {number} seconds */
function round(seconds) {
  return Math.round(seconds * 100) / 100
}
