import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const run = fileURLToPath(new URL('../../../../fuzz/run.mjs', import.meta.url))

/** What `npm run fuzz` prints at its end, and its exit code. */
function fuzz(...options: string[]): Promise<{ code: number; report: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    // Other tests run beside it: 5 ms are for `npm run fuzz` on a machine of its own.
    const env = { ...process.env, FUZZ_LIMIT_MS: '50' }
    const child = execFile(process.execPath, [run, ...options], { env }, (error, stdout, stderr) => {
      const at = stdout.indexOf('\n{')
      if (at === -1) reject(error ?? new Error(stdout + stderr))
      else resolve({ code: child.exitCode ?? -1, report: JSON.parse(stdout.slice(at)) })
    })
  })
}

describe('Z09, F20, D01: a guarded server under random and mutated input over the wire, for two seconds', () => {
  it('does not fall, admits nobody wrongly, takes at most 50 ms for an input, and keeps nothing', {
    timeout: 90_000,
  }, async () => {
    const { code, report } = await fuzz('--seconds', '2', '--seed', '20261121')
    expect(report).toMatchObject({ seed: 20_261_121, findings: [] })
    expect(code).toBe(0)
    // Who gets nowhere shows little.
    expect(report.admitted).toBeGreaterThan(5)
    expect(report.handled).toBeGreaterThan(5)
  })
})
