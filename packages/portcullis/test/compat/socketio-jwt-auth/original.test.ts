import { describe, expect, test } from 'vitest'
import { runOriginalSuite } from '../original-suite.ts'

describe('the tests of socketio-jwt-auth 0.2.1', () => {
  test.each([2, 3, 4] as const)(
    'pass with client %i',
    async (client) => {
      const { passed, failed } = await runOriginalSuite({
        package: 'socketio-jwt-auth',
        facade: 'socketio-jwt-auth',
        replaced: 'lib/index.js',
        client,
      })
      expect(failed).toEqual([])
      expect(passed).toHaveLength(8)
    },
    120_000,
  )
})
