import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findSizeViolations, limitsOf, measureSizes } from '../check-sizes.mjs'
import { writeTree } from './fixture.ts'
import { runTool } from './tree.ts'

const HOME = 'packages/portcullis'
const FILES = {
  [`${HOME}/package.json`]: {
    name: 'portcullis',
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './client': { types: './dist/client.d.ts', default: './dist/client.js' },
      './package.json': './package.json',
    },
  },
  [`${HOME}/dist/index.js`]: 'export { one } from "./one.js"; export { jwtVerify } from "jose"',
  [`${HOME}/dist/one.js`]: `export const one = ${JSON.stringify('lease '.repeat(3))}`,
  [`${HOME}/dist/client.js`]: 'export const client = 1',
}

describe('check-sizes', () => {
  it('weighs each subpath with what it imports of its own package, and without others', async () => {
    const sizes = await measureSizes(writeTree(FILES))
    expect(Object.keys(sizes)).toEqual(['portcullis', 'portcullis/client'])
    expect(sizes.portcullis).toBeGreaterThan(sizes['portcullis/client'] ?? 0)
    expect(sizes.portcullis).toBeLessThan(200)
  })

  it('says what has not been built', async () => {
    const { [`${HOME}/dist/client.js`]: _, ...unbuilt } = FILES
    await expect(measureSizes(writeTree(unbuilt))).rejects.toThrow('dist/client.js does not exist; is it built?')
  })

  it('refuses more than the limit, no limit, and a limit of nothing', () => {
    expect(findSizeViolations({ a: 101, b: 1, d: 5 }, { a: 100, c: 1, d: 5 })).toEqual([
      expect.stringMatching(/^a weighs 101 bytes, over 100; /),
      expect.stringMatching(/^b has no limit/),
      expect.stringMatching(/^c has a limit and is not published/),
    ])
  })

  it('sets limits a little above what is there, and keeps to them', () => {
    expect(limitsOf({ a: 1000, b: 7 })).toEqual({ a: 1030, b: 10 })
    const root = writeTree(FILES)
    mkdirSync(join(root, 'tools'))
    expect(runTool('check-sizes.mjs', '--write', root)).toMatchObject({ code: 0, lines: { length: 3 } })
    expect(Object.keys(JSON.parse(readFileSync(join(root, 'tools/sizes.json'), 'utf8')))).toHaveLength(2)
    expect(runTool('check-sizes.mjs', root).code).toBe(0)
  })
})
