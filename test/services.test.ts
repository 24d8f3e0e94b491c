/** The tests' own servers are found, ended, and gone even when the run is killed. */

import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))
const config = fileURLToPath(new URL('own-services.config.ts', import.meta.url))

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

it('starts servers of its own where none may be used, and leaves none behind', { timeout: 60_000 }, async () => {
  const { REDIS_URL: _, DATABASE_URL: __, VITEST_JSON: ___, ...env } = process.env
  const { stdout } = await run(process.execPath, [vitest, 'run', '--config', config, '--reporter=verbose'], {
    env: { ...env, PORTCULLIS_TEST_SERVICES: 'own' },
  })
  const port = Number(/own redis on (\d+)/.exec(stdout)?.[1])
  const socketFolder = /own postgres in (\S+)/.exec(stdout)?.[1] ?? ''
  expect(port).toBeGreaterThan(0)
  expect(socketFolder).toMatch(/^\//)
  expect(await isListening(port)).toBe(false)
  expect(existsSync(socketFolder)).toBe(false)
})

it('leaves nothing behind when the run is killed', { timeout: 60_000 }, async () => {
  const { REDIS_URL: _, DATABASE_URL: __, VITEST_JSON: ___, ...env } = process.env
  const child = spawn(process.execPath, [vitest, 'run', '--config', config, '--reporter=verbose'], {
    env: { ...env, PORTCULLIS_TEST_SERVICES: 'own', PORTCULLIS_TEST_HANG: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  const socketFolder = await new Promise<string>((resolve) => {
    child.stdout.on('data', (data) => {
      output += data
      const found = /own postgres in (\S+)/.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  const port = Number(/own redis on (\d+)/.exec(output)?.[1])
  expect(await isListening(port)).toBe(true)
  child.kill('SIGKILL')
  await expect.poll(() => isListening(port), { timeout: 10_000 }).toBe(false)
  await expect.poll(() => existsSync(socketFolder), { timeout: 10_000 }).toBe(false)
})
