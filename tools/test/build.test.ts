import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runTool, tree } from './tree.ts'

const LIBRARY = {
  'package.json': { type: 'module' },
  'tsconfig.json': {
    compilerOptions: {
      strict: true,
      module: 'nodenext',
      target: 'es2023',
      noEmit: true,
      allowImportingTsExtensions: true,
      types: [],
    },
    include: ['packages/*/src'],
  },
  'packages/lib/package.json': {
    name: 'lib',
    type: 'module',
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './testing': { types: './dist/testing/index.d.ts', default: './dist/testing/index.js' },
      './package.json': './package.json',
    },
    dependencies: { jose: '*' },
  },
  'packages/lib/src/index.ts':
    "import { jwtVerify } from 'jose'\nimport { one } from './core/one.ts'\n/** Two. */\nexport const two: number = one(jwtVerify.length)\n",
  'packages/lib/src/core/one.ts': 'export const one = (n: number) => n + 1\n',
  'packages/lib/src/core/unused.ts': 'export const unused = 1\n',
  'packages/lib/src/testing/index.ts': "import { two } from 'lib'\nexport const three = two + 1\n",
}
const APP = {
  'packages/app/package.json': { name: 'app', type: 'module', bin: { app: './dist/bin.js' } },
  'packages/app/src/bin.ts': "#!/usr/bin/env node\nimport { two } from 'lib'\nconsole.log(two)\n",
  'packages/app/src/page/index.html': '<script type="module" src="main.js"></script>\n',
  'packages/app/src/page/main.ts': "import { title } from './title.ts'\ndocument.title = title satisfies string\n",
  'packages/app/src/page/title.ts': "export const title: string = 'Portcullis'\n",
}
const text = (root: string, path: string) => readFileSync(join(root, path), 'utf8')

describe('build', () => {
  it('writes the entries and what they import, each file by itself, and packages by name', { timeout: 30_000 }, () => {
    const root = tree({ ...LIBRARY, ...APP })
    const { code, lines } = runTool('build.mjs', root)
    expect({ code, lines }).toEqual({
      code: 0,
      lines: [expect.stringMatching(/^built lib in \d+ ms$/), expect.stringMatching(/^built app in \d+ ms$/)],
    })
    const lib = 'packages/lib/dist'
    expect(text(root, `${lib}/index.js`)).toMatch(/from "\.\/core\/one\.js"[\s\S]*from "jose"/)
    expect(text(root, `${lib}/index.d.ts`)).toMatch(/\/\*\* Two\. \*\/\s+declare const two: number/)
    expect(text(root, `${lib}/testing/index.js`)).toContain('from "lib"')
    expect(existsSync(join(root, lib, 'core/unused.js'))).toBe(false)
    expect(existsSync(join(root, lib, 'index.js.map'))).toBe(false)

    const app = 'packages/app/dist'
    expect(text(root, `${app}/bin.js`)).toMatch(/^#!\/usr\/bin\/env node\n[\s\S]*from "lib"/)
    expect(statSync(join(root, app, 'bin.js')).mode & 0o111).not.toBe(0)
    expect(text(root, `${app}/page/index.html`)).toBe(APP['packages/app/src/page/index.html'])
    expect(text(root, `${app}/page/main.js`)).toMatch(/^document\.title=[`"']Portcullis[`"'];?\n?$/)
    expect(existsSync(join(root, app, 'page/main.ts'))).toBe(false)

    // The second time there is nothing to do; then only for what has changed.
    expect(runTool('build.mjs', root)).toEqual({ code: 0, lines: [] })
    writeFileSync(join(root, 'packages/app/src/page/title.ts'), "export const title: string = 'Gate'\n")
    expect(runTool('build.mjs', root).lines).toEqual([expect.stringMatching(/^built app /)])
    expect(text(root, `${app}/page/main.js`)).toContain('Gate')
  })

  it('ends with 1 and the reason, and leaves the last good dist', { timeout: 30_000 }, () => {
    const root = tree(LIBRARY)
    expect(runTool('build.mjs', '--silent', root)).toEqual({ code: 0, lines: [] })
    writeFileSync(join(root, 'packages/lib/src/core/one.ts'), 'export const one = = 1\n')
    const { code, lines } = runTool('build.mjs', '--silent', root)
    expect(code).toBe(1)
    expect(lines.join('\n')).toMatch(/build of lib failed: [\s\S]*one\.ts/)
    expect(text(root, 'packages/lib/dist/core/one.js')).toContain('const one = (n) => n + 1')
  })

  it('passes over a program that has not been written yet', () => {
    const { 'packages/app/src/bin.ts': _, ...unwritten } = APP
    expect(runTool('build.mjs', tree(unwritten))).toEqual({ code: 0, lines: [] })
  })

  it('refuses a page that imports what no browser has', { timeout: 30_000 }, () => {
    const root = tree({
      ...LIBRARY,
      ...APP,
      'packages/app/src/page/title.ts': "import 'node:fs'\nexport const title = ''\n",
    })
    const { code, lines } = runTool('build.mjs', '--silent', root)
    expect(code).toBe(1)
    expect(lines.join('\n')).toMatch(/build of app failed: .*node:fs/s)
  })
})
