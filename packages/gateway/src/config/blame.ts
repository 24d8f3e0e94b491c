/** What a part says of its own options, as a mistake of the file that has them. */

import type { Loaded } from './load.ts'
import type { Path } from './mistakes.ts'

/** What the library's errors begin with: perhaps whose policy it is, an option in quotes, and why. */
const QUOTED = /^(?:policy of "[^"]*": )?"([^"]+)":? ([\s\S]*)$/

/**
 * @param at where in the file the part's options stand
 * @param renamed options of the part that stand somewhere else in the file
 * @throws ConfigError in place of a TypeError of `work`
 */
export function blame<T>(
  { mistake }: Pick<Loaded, 'mistake'>,
  at: Path,
  work: () => T,
  renamed: Readonly<Record<string, Path>> = {},
): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    const [, option, why] = QUOTED.exec(error.message) ?? []
    if (option === undefined || why === undefined) throw mistake(at, error.message)
    const [first = '', ...rest] = partsOf(option)
    const path = Object.hasOwn(renamed, first) ? (renamed[first] ?? []) : [...at, first]
    throw mistake([...path, ...rest], why)
  }
}

/** `keys[1].name` as `keys`, 1 and `name`. */
function partsOf(option: string): readonly (string | number)[] {
  return option
    .replace(/\[(\d+)\]/g, '.$1')
    .split('.')
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part))
}
