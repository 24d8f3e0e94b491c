/** For `secrets.test.ts`: one file of leaks under the global setup, in a run of its own. */

import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  test: {
    include: ['test/planted-leaks.check.ts'],
    globalSetup: 'test/global-setup.ts',
    setupFiles: ['test/secret-setup.ts'],
  },
})
