/** The options of Portcullis that stand beside the old ones of a facade for tokens. */

import type { LegacyOptions } from './legacy-admission.ts'
import { requireOrigins } from './legacy-origin.ts'

/** @throws TypeError quoting the option */
export function legacyOptionsOf(library: string, { audit, origins }: LegacyOptions): LegacyOptions {
  if (audit !== undefined && typeof audit !== 'function') throw new TypeError(`${library}: "audit" must be a function`)
  const listed = requireOrigins(library, origins)
  return { ...(audit === undefined ? {} : { audit }), ...(listed === undefined ? {} : { origins: listed }) }
}
