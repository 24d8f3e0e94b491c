/** The decision about one event: its arguments first, then its rule. */

import type { CompiledEvent } from '../core/compiled-policy.ts'
import { type DecideOptions, decide, failed, isThenable } from '../core/decide.ts'
import { type Decision, deny } from '../core/decision.ts'
import type { Packet } from './packet.ts'
import type { Entry } from './registry.ts'

/**
 * Synchronous when schema and rule are. Where the event has a schema, rule and handler get what it puts out: the
 * packet's data are replaced.
 */
export function decideEvent(
  entry: Entry,
  rule: CompiledEvent,
  packet: Packet,
  options: DecideOptions,
): Decision | Promise<Decision> {
  const args = (packet.data as unknown[]).slice(1)
  return rule.args === null ? ask(entry, rule, args, options) : check(entry, rule, rule.args, packet, args, options)
}

function ask(
  { identity, lease, namespace }: Entry,
  rule: CompiledEvent,
  args: readonly unknown[],
  options: DecideOptions,
): Decision | Promise<Decision> {
  return decide(rule.rule, { identity, lease, namespace, event: rule.event, args }, rule.where, options)
}

function check(
  entry: Entry,
  rule: CompiledEvent,
  schema: NonNullable<CompiledEvent['args']>,
  packet: Packet,
  sent: readonly unknown[],
  options: DecideOptions,
): Decision | Promise<Decision> {
  const accept = (result: unknown): Decision | Promise<Decision> => {
    const args = checkedArgs(result)
    if (args === null) return deny('AUTH_ARGUMENTS_INVALID')
    packet.data = [rule.event, ...args]
    return ask(entry, rule, args, options)
  }
  try {
    const result = schema['~standard'].validate(sent)
    if (!isThenable(result)) return accept(result)
    return options
      .deadline(Promise.resolve(result))
      .then(accept)
      .catch((error) => failed(error, rule.where, options))
  } catch (error) {
    return failed(error, rule.where, options)
  }
}

/** The schema's output, or null when it found issues or put out something that is not a list of arguments. */
function checkedArgs(result: unknown): readonly unknown[] | null {
  if (typeof result !== 'object' || result === null) return null
  if (Object.hasOwn(result, 'issues') && (result as { issues: unknown }).issues !== undefined) return null
  const value = Object.hasOwn(result, 'value') ? (result as { value: unknown }).value : null
  return Array.isArray(value) ? value : null
}
