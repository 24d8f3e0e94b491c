// @ts-check
/** Finds import cycles in a graph of files. */

/**
 * One cycle for each import that closes one, as the files along it; the first is the smallest by name.
 *
 * @param {ReadonlyMap<string, readonly string[]>} graph file -> the files it imports
 * @returns {string[][]}
 */
export function findCycles(graph) {
  /** @type {Set<string>} */
  const done = new Set()
  /** @type {string[]} */
  const path = []
  /** @type {Map<string, string[]>} */
  const cycles = new Map()

  /** @param {string} file */
  const walk = (file) => {
    const start = path.indexOf(file)
    if (start >= 0) {
      const cycle = fromSmallest(path.slice(start))
      cycles.set(cycle.join('\n'), cycle)
      return
    }
    if (done.has(file)) return
    path.push(file)
    for (const next of graph.get(file) ?? []) walk(next)
    path.pop()
    done.add(file)
  }
  for (const file of [...graph.keys()].sort()) walk(file)
  return [...cycles.values()]
}

/** @param {readonly string[]} cycle */
function fromSmallest(cycle) {
  const smallest = cycle.reduce((least, file, i) => (file < /** @type {string} */ (cycle[least]) ? i : least), 0)
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)]
}
