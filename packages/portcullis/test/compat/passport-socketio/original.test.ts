import { expect, test } from 'vitest'
import { runOriginalSuite } from '../original-suite.ts'

test.each([2, 3, 4] as const)("passes the package's own tests with client %i", { timeout: 120_000 }, async (client) => {
  const { passed, failed } = await runOriginalSuite({
    package: 'passport.socketio',
    facade: 'passport-socketio',
    client,
  })
  expect(failed).toEqual([])
  expect(passed).toHaveLength(5)
})
