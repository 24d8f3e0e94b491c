import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./packages/portcullis/src/${path}`, import.meta.url))
const report = process.env.VITEST_JSON

/** Files that count what a process holds, change what it is, or want its event loop to themselves. */
const ALONE = [
  'packages/portcullis/test/{cluster,faults,memberships,outbound,revocations}/**/*.test.ts',
  'packages/portcullis/test/docs/*.test.ts',
  'packages/gateway/test/{start,page,embedded-postgres,load,presence-redis}.test.ts',
  'packages/portcullis/test/server/{attacks,leaks,lease-expiry}.test.ts',
  'packages/portcullis/test/strategies/{jwt-keys,php-session-formats,php-session-site,session-options,webhook-load}.test.ts',
  'packages/portcullis/test/compat/{laravel-echo/endpoint,laravel-echo/hostile,socketio-jwt/answer}.test.ts',
]

export default defineConfig({
  resolve: {
    alias: [
      { find: /^portcullis$/, replacement: source('index.ts') },
      { find: /^portcullis\/(client|testing)$/, replacement: source('$1/index.ts') },
      { find: /^portcullis\/(.+)$/, replacement: source('$1.ts') },
      { find: /^portcullis-inspector$/, replacement: source('../../inspector/src/index.ts') },
    ],
  },
  test: {
    globalSetup: './test/global-setup.ts',
    setupFiles: [
      './test/secret-setup.ts',
      './packages/portcullis/test/setup.ts',
      './packages/gateway/test/setup.ts',
      './examples/test/setup.ts',
    ],
    // `.ci/run` counts the tests of the report that it asks for here.
    reporters: report === undefined ? ['default'] : ['default', ['json', { outputFile: report }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'together',
          include: ['packages/portcullis/test/**/*.test.ts', '{tools,examples}/test/**/*.test.ts'],
          exclude: ALONE,
          // One process for many files: loading everything anew for each of them took a quarter of the whole run.
          isolate: false,
          // They wait for a server or a clock most of the time: one worker for each core would leave half of it idle.
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'gateway',
          include: ['packages/gateway/test/**/*.test.ts'],
          exclude: ALONE,
          // As above, and apart: tests of the library spoil prototypes on purpose, and metrics of a process go on for ever.
          isolate: false,
          maxWorkers: availableParallelism() + 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 0 },
          include: [...ALONE, 'packages/inspector/test/**/*.test.ts', 'test/*.test.ts'],
          typecheck: {
            enabled: true,
            include: ['packages/*/test/**/*.test-d.ts'],
            // TypeScript 7 over the type tests and what they import; `npm run types` checks everything, with 6 as well.
            checker: './node_modules/typescript7/bin/tsc',
            tsconfig: './test/tsconfig.json',
            ignoreSourceErrors: true,
          },
        },
      },
    ],
    testTimeout: 15_000,
  },
})
