// @ts-check
/** What the library brings along, read from the lock file of a project that has installed it. */

/** @typedef {{ version?: string; dependencies?: Record<string, string>; optionalDependencies?: Record<string, string>; hasInstallScript?: boolean }} Entry */

export const LIBRARY = 'portcullis'
/** More than that is no longer few; each one is somebody else who can break in. */
export const MOST_DEPENDENCIES = 4

/**
 * @param {Record<string, Entry>} packages of package-lock.json
 * @returns {{ violations: string[]; names: string[] }}
 */
export function readDependencies(packages) {
  const own = packages[`node_modules/${LIBRARY}`]
  if (own === undefined) return { violations: [`${LIBRARY} is not installed`], names: [] }
  const names = Object.keys({ ...own.dependencies, ...own.optionalDependencies })
  const violations = names.flatMap((name) => {
    const entry = packages[`node_modules/${LIBRARY}/node_modules/${name}`] ?? packages[`node_modules/${name}`]
    if (entry === undefined) return [`${LIBRARY} needs ${name}, which was not installed`]
    const theirs = Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
    return [
      ...(theirs.length > 0 ? [`${name} brings ${theirs.join(', ')}; what ${LIBRARY} needs has none of its own`] : []),
      ...(entry.hasInstallScript ? [`${name} runs a script when it is installed`] : []),
    ]
  })
  if (names.length > MOST_DEPENDENCIES)
    violations.push(`${LIBRARY} needs ${names.length} packages, over ${MOST_DEPENDENCIES}: ${names.join(', ')}`)
  return { violations, names }
}
