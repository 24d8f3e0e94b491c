/** `check`: is the file whole and valid, and who may do what by it? */

import { parseArgs } from 'node:util'
import { type Loaded, loadConfig } from '../config/load.ts'
import { checkLoaded, checkShadow } from '../open/check-loaded.ts'
import type { Permission } from '../policy/namespace-policy.ts'
import { type Command, UsageError } from './command.ts'

export const CHECK_HELP = `portcullis-gateway check FILE [--json]
  Reads FILE as a start would, with the same environment, and says who may do what. Opens no connection.
  Exits with 1 when something is wrong or has no rule.`

export const check: Command = async (args, terminal) => {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError('check takes one FILE')
  const loaded = await loadConfig(file, terminal.env)
  const permissions = checkLoaded(loaded)
  await checkShadow(loaded, terminal.env)
  terminal.print(values.json ? JSON.stringify({ valid: true, permissions }, null, 2) : tableOf(loaded, permissions))
  return 0
}

function tableOf({ config, file }: Loaded, permissions: readonly Permission[]): string {
  const rows = permissions.map(({ namespace, action, who }) => [namespace, action, who] as const)
  const widths = [0, 1].map((column) => Math.max(9, ...rows.map((row) => row[column as 0 | 1].length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell))
      .join('  ')
      .trimEnd()
  return [
    `${file} is valid.`,
    '',
    `credentials  ${config.strategies.map((strategy) => ('scheme' in strategy ? strategy.scheme : undefined) ?? strategy.use).join(', ')}, in this order`,
    `pages        ${Array.isArray(config.origins) ? config.origins.join(', ') : 'of the same host'}`,
    '',
    line(['namespace', 'action', 'who']),
    ...rows.map(line),
    line(['(others)', 'anything', 'nobody']),
  ].join('\n')
}
