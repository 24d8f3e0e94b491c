/** The decision about one event: its arguments first, then its rule. */

import type { CompiledEvent } from '../core/compiled-policy.ts'
import { type DecideOptions, decide, failed, isThenable } from '../core/decide.ts'
import { type Decision, deny } from '../core/decision.ts'
import type { AuthErrorCode } from '../errors.ts'
import type { Packet } from './packet.ts'
import type { Entry } from './registry.ts'

/** Whose event it is; an `Entry` is one. */
export type EventAsker = Pick<Entry, 'identity' | 'lease' | 'namespace'>

/**
 * Synchronous when schema and rule are. Where the event has a schema, rule and handler get what it puts out: the
 * packet's data are replaced.
 */
export function decideEvent(
  entry: EventAsker,
  rule: CompiledEvent,
  packet: Packet,
  options: DecideOptions,
): Decision | Promise<Decision> {
  const args = (packet.data as unknown[]).slice(1)
  return rule.args === null
    ? askEvent(entry, rule, args, options)
    : check(entry, rule, rule.args, packet, args, options)
}

/** Asks the rule alone, with these arguments as they are. */
export function askEvent(
  { identity, lease, namespace }: EventAsker,
  rule: CompiledEvent,
  args: readonly unknown[],
  options: DecideOptions,
): Decision | Promise<Decision> {
  return decide(rule, { identity, lease, namespace, event: rule.event, args }, options)
}

function check(
  entry: EventAsker,
  rule: CompiledEvent,
  schema: NonNullable<CompiledEvent['args']>,
  packet: Packet,
  sent: readonly unknown[],
  options: DecideOptions,
): Decision | Promise<Decision> {
  const startedMs = options.trace === undefined ? 0 : performance.now()
  const told = (code: AuthErrorCode | null) => options.trace?.check(`${rule.name}.args`, code, startedMs)
  const accept = (result: unknown): Decision | Promise<Decision> => {
    const args = checkedArgs(result)
    told(args === null ? 'AUTH_ARGUMENTS_INVALID' : null)
    if (args === null) return deny('AUTH_ARGUMENTS_INVALID')
    packet.data = [rule.event, ...args]
    return askEvent(entry, rule, args, options)
  }
  try {
    const result = schema['~standard'].validate(sent)
    if (!isThenable(result)) return accept(result)
    return options.deadline(Promise.resolve(result)).then(accept).catch(fail)
  } catch (error) {
    return fail(error)
  }

  function fail(error: unknown): Decision {
    const decision = failed(error, rule.where, options)
    told(decision.effect === 'deny' ? decision.code : null)
    return decision
  }
}

/** The schema's output, or null when it found issues or put out something that is not a list of arguments. */
function checkedArgs(result: unknown): readonly unknown[] | null {
  if (typeof result !== 'object' || result === null) return null
  if (Object.hasOwn(result, 'issues') && (result as { issues: unknown }).issues !== undefined) return null
  const value = Object.hasOwn(result, 'value') ? (result as { value: unknown }).value : null
  return Array.isArray(value) ? value : null
}
