/** Every part that has options of its own, made without a connection and thrown away: so that `check` finds what a start would. */

import { createServer } from 'node:http'
import { memory } from 'portcullis/revocations/memory'
import { anonymous } from 'portcullis/strategies/anonymous'
import { createInspector } from 'portcullis-inspector'
import { Server } from 'socket.io'
import { blame } from '../config/blame.ts'
import type { Loaded } from '../config/load.ts'
import { createFindKey } from '../control/api-keys.ts'
import { createAuthenticate } from '../control/authenticate.ts'
import { openBackend } from '../means/hooks.ts'
import type { CompiledPolicies } from '../policy/compile.ts'
import { createGuard } from './guard.ts'

const nothing = () => undefined

/** @throws ConfigError */
export function checkParts(loaded: Loaded, { namespaces }: CompiledPolicies): void {
  const { config } = loaded
  const { hooks, control, inspector } = config
  const backend = hooks === undefined ? null : blame(loaded, ['hooks'], () => openBackend(hooks, nothing), HOOKS)
  void backend?.hooks.close()

  // Strategies are checked where they are made; this one warns of nothing.
  const auth = blame(
    loaded,
    [],
    () => createGuard(config, [anonymous()], { log: memory(), backend }, { audit: nothing, onError: nothing }),
    GUARD,
  )
  try {
    const io = new Server(createServer())
    for (const [name, { policy }] of namespaces) {
      blame(loaded, ['namespaces', name], () => auth.protect(io.of(name), policy as never))
    }
  } finally {
    void auth.close()
  }

  if (control !== undefined) {
    const { keys, jwt } = control
    blame(loaded, ['control'], () => createAuthenticate(createFindKey(keys as never), controlJwt(jwt)))
  }
  if (inspector !== undefined) {
    const { users, secret, sessionSeconds } = inspector
    const source = { overview: nothing, decisions: { subscribe: () => nothing } } as never
    blame(loaded, ['inspector'], () => createInspector({ source, users, secret, sessionSeconds }).close())
  }
}

/** Options that the library calls otherwise. */
const HOOKS = { dangerouslyAllowHttp: ['hooks', 'allowHttp'] } as const
const GUARD = { cluster: ['nodes'], explain: ['decisions'] } as const

/** The tokens that the control API takes. */
export function controlJwt(jwt: NonNullable<Loaded['config']['control']>['jwt']) {
  if (jwt === undefined) return null
  return { issuer: jwt.issuer, audience: jwt.audience, keys: jwt.jwks ?? Buffer.from(jwt.secret ?? '') }
}
