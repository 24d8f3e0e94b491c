import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runOriginalSuite } from '../original-suite.ts'

test("passes the package's own tests", { timeout: 120_000 }, async () => {
  const jest = fileURLToPath(new URL('../adapters/jest-globals.cjs', import.meta.url))
  const { passed, failed } = await runOriginalSuite({
    package: 'express-socket.io-session',
    facade: 'express-socket.io-session',
    client: 4,
    files: ['index.test.js'],
    require: [jest],
  })
  expect(failed).toEqual([])
  expect(passed).toEqual([
    'hash() hashes predictably',
    'hash() is idempotent',
    'sharedsession() returns a function that accepts two arguments',
  ])
})
