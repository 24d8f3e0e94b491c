import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runOriginalSuite } from '../original-suite.ts'

test("passes the package's own tests", { timeout: 120_000 }, async () => {
  const mocks = fileURLToPath(new URL('../adapters/socketio-auth-mocks.cjs', import.meta.url))
  const { passed, failed } = await runOriginalSuite({
    package: 'socketio-auth',
    facade: 'socketio-auth',
    client: 4,
    replaced: 'lib/socketio-auth.js',
    require: [mocks],
  })
  expect(failed).toEqual([])
  expect(passed).toHaveLength(11)
})
