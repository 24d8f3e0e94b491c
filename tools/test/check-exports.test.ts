import { describe, expect, it } from 'vitest'
import { checkExports } from '../check-exports.mjs'
import { writeTree } from './fixture.ts'

const HOME = 'packages/portcullis'
const target = (file: string) => ({ types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` })
const MANIFEST = {
  name: 'portcullis',
  version: '0.1.0',
  license: 'MIT',
  type: 'module',
  sideEffects: false,
  files: ['dist'],
  exports: {
    '.': target('index'),
    './strategies/jwt': target('strategies/jwt'),
    './package.json': './package.json',
  },
}
const CLEAN: Record<string, unknown> = {
  'package.json': { name: 'root', private: true, type: 'module' },
  'tsconfig.json': {
    compilerOptions: {
      target: 'es2023',
      lib: ['es2023'],
      module: 'nodenext',
      strict: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      types: [],
    },
  },
  [`${HOME}/package.json`]: MANIFEST,
  [`${HOME}/README.md`]: '# Portcullis\n',
  [`${HOME}/src/index.ts`]: '/** Permits. */\nexport const permit = (): number => 1\n',
  [`${HOME}/src/strategies/jwt.ts`]:
    "import { keys } from './jwt-keys.ts'\n/** Reads a token. */\nexport const jwt = (): number => keys\n",
  [`${HOME}/src/strategies/jwt-keys.ts`]: 'export const keys = 1\n',
  [`${HOME}/dist/index.js`]: 'export const permit = () => 1\n',
  [`${HOME}/dist/index.d.ts`]: '/** Permits. */\nexport declare const permit: () => number\n',
  [`${HOME}/dist/strategies/jwt.js`]: 'export const jwt = () => 1\n',
  [`${HOME}/dist/strategies/jwt.d.ts`]: '/** Reads a token. */\nexport declare const jwt: () => number\n',
}

const WHY = 'the doc comment is what an editor shows to whoever uses it'
const check = (files: Record<string, unknown>, without: readonly string[] = []) => {
  const kept = Object.entries({ ...CLEAN, ...files }).filter(([path]) => !without.includes(path))
  return checkExports(writeTree(Object.fromEntries(kept)))
}
const violationsOf = async (files: Record<string, unknown>, without?: readonly string[]) =>
  (await check(files, without)).violations
/** Of a tree that is not built, so that nothing is packed; that it is not built goes without saying. */
const violationsOfSources = async (files: Record<string, unknown>) =>
  (await violationsOf(files, [`${HOME}/dist/index.js`])).filter((violation) => !violation.endsWith('is it built?'))

describe('check-exports', { timeout: 60_000 }, () => {
  it('accepts a package that keeps what it promises, and counts its subpaths', async () => {
    const { violations, summary } = await check({})
    expect(violations).toEqual([])
    expect(summary).toBe('2 subpaths of 1 packages can be imported, are documented and typed')
  })

  it('passes over a private package', async () => {
    const inner = { name: 'inner', private: true, exports: './no.js' }
    expect((await check({ 'packages/inner/package.json': inner })).summary).toContain('2 subpaths of 1 packages')
  })

  it.each(['dist/index.js', 'dist/strategies/jwt.d.ts'])('refuses a subpath without its %s', async (file) => {
    expect(await violationsOf({}, [`${HOME}/${file}`])).toEqual([`portcullis: ./${file} does not exist; is it built?`])
  })

  it('refuses a program that has not been built', async () => {
    const manifest = { ...MANIFEST, bin: { portcullis: './dist/bin.js' } }
    expect(await violationsOf({ [`${HOME}/package.json`]: manifest })).toEqual([
      'portcullis: ./dist/bin.js does not exist; is it built?',
    ])
  })

  it('refuses a default export', async () => {
    expect(await violationsOf({ [`${HOME}/dist/index.js`]: 'export default 1\n' })).toContain(
      'portcullis has a default export; exports are named, so that each is called the same everywhere',
    )
  })

  it('accepts one of an old API, which was loaded so', async () => {
    const exports = { ...MANIFEST.exports, './compat/old': target('compat/old') }
    const files = {
      [`${HOME}/package.json`]: { ...MANIFEST, exports },
      [`${HOME}/src/compat/old.ts`]: '/** Old. */\nconst old = (): number => 1\nexport { old, old as default }\n',
      [`${HOME}/dist/compat/old.js`]: 'const old = () => 1\nexport { old, old as default }\n',
      [`${HOME}/dist/compat/old.d.ts`]:
        '/** Old. */\ndeclare const old: () => number\nexport { old, old as default }\n',
    }
    expect(await violationsOf(files)).toEqual([])
  })

  it('refuses a subpath that imports what its package does not declare', async () => {
    const code = "export { decodeJwt as jwt } from 'jose'\n"
    expect(await violationsOf({ [`${HOME}/dist/strategies/jwt.js`]: code })).toEqual([
      expect.stringMatching(/^import 'portcullis\/strategies\/jwt' fails once installed: .*Cannot find package 'jose'/),
    ])
  })

  it.each([
    ['function', 'export function deny(): void {}', 'deny'],
    ['class', 'export class Denied {}', 'Denied'],
    ['const', 'export const deny = 1', 'deny'],
    ['interface', 'export interface Denied { readonly code: string }', 'Denied'],
    ['type', 'export type Denied = string', 'Denied'],
  ])('refuses an exported %s without a doc comment', async (_, declaration, name) => {
    const index = `/** Permits. */\nexport const permit = 1\n${declaration}\n`
    expect(await violationsOfSources({ [`${HOME}/src/index.ts`]: index })).toEqual([
      `${HOME}/src/index.ts:3: ${name} has no doc comment; ${WHY}`,
    ])
  })

  it('looks for the doc comment where the thing is declared', async () => {
    const withDeny = (deny: string) =>
      violationsOfSources({
        [`${HOME}/src/index.ts`]: "export { deny } from './deny.ts'\n",
        [`${HOME}/src/deny.ts`]: deny,
      })
    expect(await withDeny('\nexport const deny = 1\n')).toEqual([
      `${HOME}/src/deny.ts:2: deny has no doc comment; ${WHY}`,
    ])
    expect(await withDeny('/** Denies. */\nexport const deny = 1\n')).toEqual([])
  })

  it.each(['strategies', 'revocations', 'channels'])(
    'refuses a file of %s that is no subpath and no helper',
    async (folder) => {
      const violations = await violationsOfSources({ [`${HOME}/src/${folder}/other.ts`]: 'export const other = 1\n' })
      expect(violations).toContain(
        `src/${folder}/other.ts is neither a subpath nor imported by one; nobody can reach it`,
      )
    },
  )

  it('refuses a helper that no subpath imports', async () => {
    const helper = { [`${HOME}/src/strategies/jwt-unused.ts`]: 'export const unused = 1\n' }
    expect(await violationsOfSources(helper)).toEqual([
      'src/strategies/jwt-unused.ts is neither a subpath nor imported by one; nobody can reach it',
    ])
  })

  it('refuses a helper as a subpath', async () => {
    const exports = { ...MANIFEST.exports, './strategies/jwt-keys': target('strategies/jwt-keys') }
    expect(await violationsOfSources({ [`${HOME}/package.json`]: { ...MANIFEST, exports } })).toContain(
      'portcullis exports "./strategies/jwt-keys", which is a helper; it would become a promise to users',
    )
  })

  it('says what publint says', async () => {
    const violations = await violationsOf({ [`${HOME}/dist/index.js`]: 'exports.permit = () => 1\n' })
    expect(violations).toContainEqual(expect.stringMatching(/^portcullis: publint: .*CJS/))
  })

  it('says what attw says', async () => {
    expect(await violationsOf({ [`${HOME}/dist/index.d.ts`]: "export { permit } from './none'\n" })).toEqual([
      "portcullis: attw: InternalResolutionError of './none' in /node_modules/portcullis/dist/index.d.ts",
    ])
  })
})
