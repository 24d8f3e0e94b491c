import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import whole from './vitest.config.ts'

/** They start servers on the loopback, which takes a hundred times as long as a call. */
const SERVERS = /\/decision\/(?:event-gate|room-gate|lease)\.test\.ts$/

/** A mutant is given up at the first test that notices it: the quick ones come first. */
class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const starts = ({ moduleId }: TestSpecification) => SERVERS.test(moduleId)
    return [...sorted.filter((file) => !starts(file)), ...sorted.filter(starts)]
  }
}

/**
 * The fast tests of the code that decides, most of them of pure functions over plain data, in this process alone. For `npm run mutation`,
 * which runs them thousands of times, and `npm run coverage`. Files that measure time are left out: instrumented code is slower.
 */
export default defineConfig({
  ...(whole.resolve === undefined ? {} : { resolve: whole.resolve }),
  test: {
    name: 'decision',
    include: ['packages/portcullis/test/{core,decision}/**/*.test.ts'],
    exclude: ['packages/portcullis/test/**/*-cost.test.ts'],
    setupFiles: ['./packages/portcullis/test/setup.ts'],
    sequence: { sequencer: QuickFirst },
    testTimeout: 15_000,
  },
})
