// @ts-check
/** What a soak showed: as rows for people, and which of the goals were missed. */

const MAX_GROWTH = 0.05
const MIB = 2 ** 20

/** @typedef {import('./run-soak.mjs').SoakReport} SoakReport */

/**
 * `heap`: false where there were too few handshakes for the heap to say anything.
 *
 * @param {SoakReport} report @param {{ heap?: boolean }} [judged] @returns {string[]}
 */
export function missedOf({ before, after, fresh, failed, facts }, { heap = true } = {}) {
  const { namespaces, ...ofClients } = after.counts
  const left = Object.entries({
    ...ofClients,
    ...after.objects,
    timers: Number(after.objects.timers) - Number(fresh.objects.timers),
  })
  return [
    ...left.filter(([, n]) => n > 0).map(([what, n]) => `${n} ${what} left`),
    ...(namespaces === fresh.counts.namespaces ? [] : [`${namespaces} namespaces, not ${fresh.counts.namespaces}`]),
    ...(same(after.resources, fresh.resources) ? [] : [`open handles: ${JSON.stringify(after.resources)}`]),
    ...(heap && growthOf(before, after).data > MAX_GROWTH ? ['the heap without code grew by more than 5 %'] : []),
    ...(facts.intruders === 0 ? [] : [`${facts.intruders} were admitted with a bad credential`]),
    ...(facts.verifications.now === 0 ? [] : [`${facts.verifications.now} verifications without an end`]),
    ...facts.complaints.slice(0, 3),
    ...Object.entries(failed).map(([kind, n]) => `${n} times not as it should be: ${kind}`),
  ]
}

/** @param {SoakReport} report */
export function rowsOf({ count, warmUp, tookMs, fresh, before, after, facts, kinds }) {
  const of = (
    /** @type {import('../held.mjs').Held[]} */ looks,
    /** @type {(held: import('../held.mjs').Held) => number} */ read,
  ) => looks.map((held) => read(held)).join(', ')
  const all = [fresh, before, after]
  return [
    ['handshakes, of them to warm up', `${count + warmUp}, ${warmUp}`],
    ['kinds of good and hostile ones', String(Object.keys(kinds).length)],
    ['handshakes per second', (count / (tookMs / 1000)).toFixed(0)],
    ['decisions', String(facts.decisions)],
    ['sockets that reached the application, with a bad credential', `${facts.admitted}, ${facts.intruders}`],
    ['**fresh, after the warm-up, at the end:**', ''],
    ['heap after collection, MiB', of(all, ({ memory }) => round(memory.heapUsed / MIB))],
    ['of it without compiled code, MiB', of(all, ({ memory }) => round(memory.data / MIB))],
    ['resident memory, MiB', of(all, ({ memory }) => round(memory.rss / MIB))],
    ...Object.keys(after.counts).map((name) => [
      `\`${name}\``,
      of(all, ({ counts }) => counts[/** @type {keyof typeof counts} */ (name)]),
    ]),
    ...Object.keys(after.objects).map((name) => [`${name} on the heap`, of(all, ({ objects }) => objects[name] ?? 0)]),
  ]
}

/** From the warm-up to the end, as fractions. @param {import('../held.mjs').Held} before @param {import('../held.mjs').Held} after */
export function growthOf({ memory: before }, { memory: after }) {
  return {
    data: after.data / before.data - 1,
    heap: after.heapUsed / before.heapUsed - 1,
    rss: after.rss / before.rss - 1,
  }
}

/** @param {Record<string, number>} one @param {Record<string, number>} other */
function same(one, other) {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((name) => one[name] === other[name])
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100
}
