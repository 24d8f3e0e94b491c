/** The inspector of a configuration. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth, DecisionLog } from 'portcullis'
import { createInspector, type ShadowLog, sourceOf } from 'portcullis-inspector'
import type { Loaded } from '../config/load.ts'

/** Answers what is under the inspector's path, or false for anything else. */
export type InspectorRoutes = (req: IncomingMessage, res: ServerResponse) => boolean

/** What the inspector looks at. */
export interface Inspected {
  readonly auth: Auth
  readonly decisions: DecisionLog
  readonly differences: ShadowLog
  readonly title: string | undefined
  readonly onError: (error: unknown, where: string) => void
}

/** Null where the file has none. @throws ConfigError for a password hash that is none */
export function createInspectorOf(
  { config, mistake }: Loaded,
  { auth, decisions, differences, title, onError }: Inspected,
): InspectorRoutes | null {
  if (config.inspector === undefined) return null
  const { path, users, secret, sessionSeconds } = config.inspector
  const shadow = config.shadow === undefined ? {} : { shadow: differences }
  try {
    const inspector = createInspector({
      source: sourceOf({ auth, decisions, ...shadow, title: title ?? 'Portcullis gateway' }),
      users,
      secret,
      sessionSeconds,
      onError: (error: unknown) => onError(error, 'inspector'),
    })
    return (req, res) => {
      const url = req.url ?? '/'
      if (url !== path && !url.startsWith(`${path}/`) && !url.startsWith(`${path}?`)) return false
      // As Express mounts it: the inspector sees its own paths, and `originalUrl` for redirects.
      Object.assign(req, { originalUrl: url, baseUrl: path, url: url.slice(path.length) || '/' })
      inspector(req, res)
      return true
    }
  } catch (error) {
    if (error instanceof TypeError) throw mistake(['inspector'], error.message)
    throw error
  }
}
