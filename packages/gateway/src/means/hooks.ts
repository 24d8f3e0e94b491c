/** The HTTP backend of the file. */

import type { Decision, EventRequest, Identity, RoomRequest, Strategy } from 'portcullis'
import { type HandledEvent, type HttpHooks, httpHooks } from 'portcullis/hooks/http'
import type { Config } from '../config/schema.ts'
import type { StrategyConfig } from '../config/strategies.ts'
import type { ForwardedEvent } from '../forward.ts'
import type { AnyRequest, AnyRule, Place } from '../policy/any-rule.ts'
import { sourcesOf } from './sources.ts'

/** What the gateway asks of its backend. */
export interface Backend {
  readonly hooks: HttpHooks
  rule(place: Place): AnyRule
  strategy(config: Extract<StrategyConfig, { use: 'hook' }>, issuer: string): Strategy
  memberships(identity: Identity): Promise<readonly string[]>
  handle(event: ForwardedEvent): Promise<HandledEvent>
}

/** @throws TypeError quoting the option */
export function openBackend(
  { secret, url, timeoutMs, batchSize, batchWaitMs, allowHttp, allowPrivateAddresses }: NonNullable<Config['hooks']>,
  onError: (error: unknown, where: string) => void,
): Backend {
  const hooks = httpHooks({
    url,
    secret: [secret].flat().map((each) => (each.startsWith('whsec_') ? each : Buffer.from(each))),
    timeoutMs,
    batch: { size: batchSize, waitMs: batchWaitMs },
    allowPrivateAddresses,
    dangerouslyAllowHttp: allowHttp,
    onError,
  })
  return {
    hooks,
    rule: (place) => (request) => ask(hooks, place, request),
    strategy({ headers, cookies, refreshSeconds, from }, issuer) {
      return hooks.connect({
        issuer,
        forward: { headers, cookies },
        ...(from === undefined ? {} : { from: sourcesOf(from) }),
        ...(refreshSeconds === undefined ? {} : { refreshSeconds }),
      }) as unknown as Strategy
    },
    memberships: hooks.memberships,
    handle: (event) => hooks.handle({ ...event, args: [...event.args] }),
  }
}

/** A namespace and the members of a room are asked about as events of names that no client can send. */
function ask(hooks: HttpHooks, place: Place, request: AnyRequest): Decision | Promise<Decision> {
  if (place === 'room') return hooks.join(request as RoomRequest)
  if (place === 'event') return hooks.event(request as EventRequest)
  const about =
    place === 'connect' ? { event: 'connect', args: [] } : { event: 'presence:list', args: [request.room ?? ''] }
  return hooks.event({ ...(request as EventRequest), ...about })
}

/** What the client's acknowledgement gets when the backend has nothing to say, and when it could not be asked. */
export function replyOf({ reply }: HandledEvent): readonly unknown[] {
  return reply ?? [{}]
}
