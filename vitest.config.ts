import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./packages/portcullis/src/${path}`, import.meta.url))
const report = process.env.VITEST_JSON

export default defineConfig({
  resolve: {
    alias: [
      { find: /^portcullis$/, replacement: source('index.ts') },
      { find: /^portcullis\/(client|testing)$/, replacement: source('$1/index.ts') },
      { find: /^portcullis\/(.+)$/, replacement: source('$1.ts') },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/test/**/*.test.ts', 'examples/test/*.test.ts', 'test/*.test.ts'],
    globalSetup: './test/global-setup.ts',
    // `.ci/run` counts the tests of the report that it asks for here.
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    typecheck: {
      enabled: true,
      include: ['packages/*/test/**/*.test-d.ts'],
      // TypeScript 7 over the type tests and what they import; `npm run types` checks everything, with 6 as well.
      checker: './node_modules/typescript7/bin/tsc',
      tsconfig: './test/tsconfig.json',
      ignoreSourceErrors: true,
    },
    // One of them waits for a server or a clock most of the time: on two cores, one worker would leave one idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    testTimeout: 15_000,
  },
})
