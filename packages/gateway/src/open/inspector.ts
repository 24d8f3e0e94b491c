/** The inspector of a configuration. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Auth, DecisionLog } from 'portcullis'
import { createInspector, type ShadowLog, sourceOf } from 'portcullis-inspector'
import type { Loaded } from '../config/load.ts'
import type { Logs } from '../operations/logs.ts'
import { packageVersion } from '../package-files.ts'

/** Answers what is under the inspector's path, or false for anything else. */
export type InspectorRoutes = (req: IncomingMessage, res: ServerResponse) => boolean

/** The inspector of a gateway. */
export interface OpenInspector {
  readonly routes: InspectorRoutes
  /** Ends every live feed. */
  close(): Promise<void>
}

/** What the inspector looks at. */
export interface Inspected {
  readonly auth: Auth
  readonly decisions: DecisionLog
  readonly differences: ShadowLog
  readonly title: string | undefined
  readonly logs: Logs
}

/** Null where the file has none. @throws ConfigError for a password hash that is none */
export function createInspectorOf(
  { config, mistake }: Loaded,
  { auth, decisions, differences, title, logs }: Inspected,
): OpenInspector | null {
  if (config.inspector === undefined) return null
  const { path, users, secret, sessionSeconds } = config.inspector
  const shadow = config.shadow === undefined ? {} : { shadow: differences }
  try {
    const inspector = createInspector({
      source: sourceOf({
        auth,
        decisions,
        ...shadow,
        title: title ?? 'Portcullis gateway',
        version: packageVersion(),
        onRevoke: (act) => logs.warn({ inspector: act }, `inspector ${act.effect}`),
      }),
      users,
      secret,
      sessionSeconds,
      trustedProxies: config.trustedProxies,
      onError: (error: unknown) => logs.error(error, 'inspector'),
    })
    const routes: InspectorRoutes = (req, res) => {
      const url = req.url ?? '/'
      if (url !== path && !url.startsWith(`${path}/`) && !url.startsWith(`${path}?`)) return false
      // As Express mounts it: the inspector sees its own paths, and `originalUrl` for redirects.
      Object.assign(req, { originalUrl: url, baseUrl: path, url: url.slice(path.length) || '/' })
      inspector(req, res)
      return true
    }
    return { routes, close: async () => inspector.close() }
  } catch (error) {
    if (error instanceof TypeError) throw mistake(['inspector'], error.message)
    throw error
  }
}
