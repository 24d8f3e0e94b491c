/** For `services.test.ts`: one test file under the global setup, in a run of its own. */

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: { include: ['test/own-services.check.ts'], globalSetup: 'test/global-setup.ts' },
})
