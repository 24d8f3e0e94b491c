import { describe, expect, test } from 'vitest'
import { runOriginalSuite } from '../original-suite.ts'

describe('the tests of socketio-jwt 4.6.2', () => {
  test.each([2, 3, 4] as const)(
    'pass with client %i',
    async (client) => {
      const { passed, failed } = await runOriginalSuite({ package: 'socketio-jwt', facade: 'socketio-jwt', client })
      expect(failed).toEqual([])
      expect(passed).toHaveLength(21)
    },
    120_000,
  )
})
