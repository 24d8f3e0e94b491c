import { describe, expect, it } from 'vitest'
import { readDependencies } from '../install/dependencies.mjs'
import { findContentViolations } from '../install/packed.mjs'
import { readdress, readExamples } from '../install/readme.mjs'
import { ROOT } from '../workspace.mjs'
import { tree } from './tree.ts'

const CLEAN = { 'package.json': '{}', 'README.md': '# A', LICENSE: 'MIT', 'dist/index.js': 'export {}' }
const contents = (files: Record<string, string>) =>
  findContentViolations({ name: 'a', tarball: '', files: new Map(Object.entries(files)) }, ['/build/here'])

describe('what a tarball holds', () => {
  it('is code, types, a page, and what is named', () => {
    const more = ['dist/a/b.d.ts', 'dist/page/index.html', 'dist/page/assets/a-B1.css', 'demo/a.yaml', 'schema/a.json']
    expect(contents({ ...CLEAN, ...Object.fromEntries(more.map((path) => [path, ''])) })).toEqual([])
  })

  it.each(['src/index.ts', 'dist/index.ts', 'dist/index.js.map', 'dist/test/a.js', 'dist/a.test.js', '.env', 'a.log'])(
    'is not %s',
    (path) => {
      expect(contents({ ...CLEAN, [path]: '' })).toEqual([`a holds ${path}, which no user needs`])
    },
  )

  it('names no source map and no folder of this machine', () => {
    const text = 'const at = "/build/here/src"\n//# sourceMappingURL=index.js.map\n'
    expect(contents({ ...CLEAN, 'dist/index.js': text })).toEqual([
      'a: dist/index.js names a source map, and none is published',
      'a: dist/index.js names /build/here, a folder of the machine that built it',
    ])
  })

  it('comes with a licence', () => {
    const { LICENSE: _, ...without } = CLEAN
    expect(contents(without)).toEqual(['a comes without LICENSE'])
  })
})

describe('what the library brings along', () => {
  const needs = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, '*']))
  const lock = (names: readonly string[], entries: object = {}) => ({
    'node_modules/portcullis': { dependencies: needs(names) },
    ...Object.fromEntries(names.map((name) => [`node_modules/${name}`, {}])),
    ...entries,
  })

  it('is few packages without any of their own, also where they lie beneath it', () => {
    const nested = { 'node_modules/b': { dependencies: { c: '*' } }, 'node_modules/portcullis/node_modules/b': {} }
    expect(readDependencies(lock(['a', 'b'], nested))).toEqual({ violations: [], names: ['a', 'b'] })
  })

  it.each([
    [lock(['a'], { 'node_modules/a': { dependencies: { b: '*' } } }), /^a brings b; /],
    [lock(['a'], { 'node_modules/a': { optionalDependencies: { b: '*' } } }), /^a brings b; /],
    [lock(['a'], { 'node_modules/a': { hasInstallScript: true } }), /^a runs a script/],
    [lock(['a', 'b', 'c', 'd', 'e']), /^portcullis needs 5 packages, over 4/],
    [{ 'node_modules/portcullis': { dependencies: { a: '*' } } }, /^portcullis needs a, which was not installed/],
    [{}, /^portcullis is not installed/],
  ])('is not %#', (packages, message) => {
    expect(readDependencies(packages).violations).toEqual([expect.stringMatching(message)])
  })
})

describe("the README's examples", () => {
  it('are found, and speak to the addresses that the check puts others in place of', () => {
    const { server, browser, gateway, commonjs } = readExamples(ROOT)
    expect(readdress(server, 'https://id.example/.well-known/jwks.json', 'http://x')).toContain("keys: 'http://x'")
    expect(readdress(browser, 'https://api.example/chat', 'http://y')).toContain("io('http://y'")
    expect(() => readdress(server, 'https://other.example', '')).toThrow('no longer speaks to https://other.example')
    expect(gateway).toMatch(/^origins:[\s\S]*emitters/)
    expect(commonjs).toMatch(/^const \{ \w+ \} = require\('portcullis\/compat\/[\w-]+'\)\n$/)
  })

  it('are missed when they are gone', () => {
    expect(() => readExamples(tree({ 'README.md': '# Portcullis\n' }))).toThrow('README.md has 0 examples in ts')
  })
})
