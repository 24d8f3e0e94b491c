/** The contract of 0.9's `authorization`, as every implementation of it is checked. */

import * as facade from 'portcullis/compat/socketio-0.9'
import { describe, it } from 'vitest'
import { checks } from './checks.ts'

describe('authorization of Socket.IO 0.9', () => {
  for (const { name, run } of checks(facade)) it(name, run)
})
