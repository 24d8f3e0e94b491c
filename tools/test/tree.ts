/** A small tree of files for one test, with nothing of this repository beside it, and a tool run over it. */

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const TOOLS = fileURLToPath(new URL('..', import.meta.url))

/** In a temporary folder that is removed after the test. */
export function tree(files: Readonly<Record<string, string | object>>): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'tools-test-')))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path)
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content))
  }
  return root
}

export interface Run {
  readonly code: number | null
  readonly lines: readonly string[]
}

export function runTool(tool: string, ...args: readonly string[]): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(TOOLS, tool), ...args], { encoding: 'utf8' })
  return { code: status, lines: `${stdout}${stderr}`.split('\n').filter((line) => line !== '') }
}
