import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./packages/portcullis/src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^portcullis$/, replacement: source('index.ts') },
      { find: /^portcullis\/(client|testing)$/, replacement: source('$1/index.ts') },
      { find: /^portcullis\/(.+)$/, replacement: source('$1.ts') },
    ],
  },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'tools/test/**/*.test.ts'],
    typecheck: { enabled: true, include: ['packages/*/test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    testTimeout: 15_000,
  },
})
