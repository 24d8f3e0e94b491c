/** `explain`: asks a live gateway why something was decided, or whether somebody may do something. */

import { parseArgs } from 'node:util'
import { StartError } from '../start-error.ts'
import { type Command, jsonOption, requiredOption, UsageError } from './command.ts'

export const EXPLAIN_HELP = `portcullis-gateway explain --control URL --key-env NAME (--decision=ID |
    (--socket=ID | --issuer ISSUER --subject SUBJECT) --namespace NAMESPACE [--room ROOM | --event EVENT [--args JSON]])
  Asks the control API of a live gateway. NAME is the environment variable with an API key that may explain.
  Ids may begin with a dash: write them behind the sign =. Exits with 1 when the answer is a denial.`

interface Step {
  readonly rule: string
  readonly effect: string
  readonly code?: string | null
  readonly reason?: string
}

export const explain: Command = async (args, terminal) => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      control: { type: 'string', default: 'http://127.0.0.1:3001' },
      'key-env': { type: 'string' },
      decision: { type: 'string' },
      socket: { type: 'string' },
      issuer: { type: 'string' },
      subject: { type: 'string' },
      namespace: { type: 'string' },
      room: { type: 'string' },
      event: { type: 'string' },
      args: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  })
  const variable = requiredOption(values['key-env'], 'key-env')
  const key = terminal.env[variable]
  if (key === undefined || key === '') throw new UsageError(`the environment variable ${variable} is not set`)
  const sent = jsonOption(values.args, 'args')
  if (sent !== undefined && !Array.isArray(sent)) throw new UsageError('--args must be a JSON array')
  const { socket, issuer, subject, room, event } = values
  const question =
    values.decision === undefined
      ? {
          identity:
            socket === undefined
              ? { issuer: requiredOption(issuer, 'issuer'), subject: requiredOption(subject, 'subject') }
              : { socketId: socket },
          namespace: requiredOption(values.namespace, 'namespace'),
          ...(room === undefined ? {} : { room }),
          ...(event === undefined ? {} : { event }),
          ...(sent === undefined ? {} : { args: sent }),
        }
      : { decision: values.decision }

  const url = new URL('/v1/explain', values.control)
  let response: Response
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(question),
      signal: AbortSignal.timeout(10_000),
    })
  } catch {
    throw new StartError(`${url.origin} does not answer; is the gateway running, and is --control its control API?`)
  }
  const body = (await response.json().catch(() => null)) as Record<string, unknown> | null
  if (!response.ok || body === null) {
    throw new StartError(`${url.origin} answered ${response.status}: ${String(body?.detail ?? body?.title ?? '')}`)
  }
  if (values.json) terminal.print(JSON.stringify(body, null, 2))
  else print(body, terminal.print)
  return body.effect === 'permit' ? 0 : 1
}

function print(body: Readonly<Record<string, unknown>>, line: (text: string) => void): void {
  line(
    `${String(body.effect)}${typeof body.code === 'string' ? ` ${body.code}` : ''}, by ${String(body.rule ?? 'no rule')}`,
  )
  for (const { rule, effect, code, reason } of (body.steps ?? []) as readonly Step[]) {
    line(`  ${effect.padEnd(7)} ${rule}${code ? `  ${code}` : ''}${reason === undefined ? '' : ` (${reason})`}`)
  }
  for (const note of (body.notes ?? []) as readonly string[]) line(`  note: ${note}`)
}
