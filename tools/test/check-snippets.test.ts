import { describe, expect, it } from 'vitest'
import { checkSnippets } from '../check-snippets.mjs'
import { writeTree } from './fixture.ts'

const TREE = {
  'package.json': { name: 'root', type: 'module' },
  'tsconfig.json': {
    compilerOptions: {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      noUnusedLocals: true,
      verbatimModuleSyntax: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
      noEmit: true,
      lib: ['es2023'],
      types: [],
      paths: { portcullis: ['./packages/portcullis/src/index.ts'] },
    },
  },
  'packages/portcullis/package.json': { name: 'portcullis', type: 'module' },
  'packages/portcullis/src/index.ts': 'export const permit = (seconds: number): string => String(seconds)\n',
}

const FENCE = '```'
const fence = (info: string, ...lines: string[]) => [`${FENCE}${info}`, ...lines, FENCE].join('\n')
const check = (files: Record<string, string>) => checkSnippets(writeTree({ ...TREE, ...files }))
const checkReadme = (...parts: string[]) => check({ 'README.md': parts.join('\n') })

describe('check-snippets: code', () => {
  it('accepts snippets that compile, and counts them', () => {
    const { violations, summary } = checkReadme(
      '# Title',
      fence('ts', "import { permit } from 'portcullis'", "import { z } from 'zod'", 'permit(1)', 'z.string()'),
      fence('sh', 'npm start'),
      fence('js', 'export const double = (n) => n * 2'),
    )
    expect(violations).toEqual([])
    expect(summary).toBe('2 programs in 1 files compile (0 not checked), 0 links lead somewhere')
  })

  it.each(['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/guide/start.md', 'packages/portcullis/README.md'])(
    'finds a wrong snippet in %s with its line',
    (file) => {
      const wrong = fence('ts', "import { permit } from 'portcullis'", '', "permit('a minute')")
      expect(check({ [file]: `# Title\n\n${wrong}\n` }).violations).toEqual([
        `${file}:6: Argument of type 'string' is not assignable to parameter of type 'number'.; a snippet is copied as it stands`,
      ])
    },
  )

  it.each([
    ['a syntax error', 'const = 1'],
    ['a package that is not installed', "import 'no-such-package'"],
    ['a name that the library does not export', "import { deny } from 'portcullis'"],
    ['an implicit any', 'export const double = (n) => n * 2'],
    ['a name from another snippet', 'permit(1)'],
  ])('finds %s', (_, line) => {
    const first = fence('ts', "import { permit } from 'portcullis'", 'permit(1)')
    const { violations } = checkReadme(first, fence('ts', line))
    expect(violations.length).toBeGreaterThan(0)
    for (const violation of violations) expect(violation).toMatch(/^README\.md:6: /)
  })

  it.each(['js', 'mjs'])('checks %s without asking for types', (language) => {
    expect(checkReadme(fence(language, 'export const double = (n) => n * 2')).violations).toEqual([])
    expect(checkReadme(fence(language, 'Math.squareroot(2)')).violations).toEqual([
      expect.stringMatching(/^README\.md:2: Property 'squareroot' does not exist/),
    ])
  })

  it('goes on with the snippet before at `continue`, and finds the line there', () => {
    const first = fence('ts', "import { permit } from 'portcullis'")
    expect(checkReadme(first, 'Then:', fence('ts continue', 'permit(1)')).violations).toEqual([])
    expect(checkReadme(first, 'Then:', fence('ts continue', 'permit(1)', 'permit(true)')).violations).toEqual([
      expect.stringMatching(/^README\.md:7: Argument of type 'boolean'/),
    ])
  })

  it('goes on only with a snippet of the same file', () => {
    const { violations } = check({ 'README.md': fence('ts', 'let a = 1'), 'docs/a.md': fence('ts continue', 'a = 2') })
    expect(violations).toEqual(['docs/a.md:1: "ts continue" has no snippet before it to go on with'])
  })

  it('leaves out `no-check` with its reason, and lists it', () => {
    const { violations, skipped } = checkReadme('', fence('ts no-check: shows what is refused', 'const = 1'))
    expect(violations).toEqual([])
    expect(skipped).toEqual(['README.md:2: not checked: shows what is refused'])
  })

  it.each(['ts no-check', 'ts no-check:', 'ts nocheck: typo', 'ts ignore'])('refuses the info string "%s"', (info) => {
    expect(checkReadme(fence(info, 'const = 1')).violations).toEqual([expect.stringMatching(/^README\.md:1: "ts /)])
  })
})

describe('check-snippets: links', () => {
  it('follows links to files and headings', () => {
    const { violations, summary } = check({
      'README.md': [
        '## Closed by default, *always*',
        '[a](docs/a.md) [b](docs/a.md#the-door--again) [c](#closed-by-default-always) [d](https://example.org/x#y)',
        '[e]: docs/a.md',
        '`[no](link.md)`',
        fence('md', '[no](link.md)'),
      ].join('\n'),
      'docs/a.md': '# A\n\n## The door — again\n\n[up](../README.md)\n',
    })
    expect(violations).toEqual([])
    expect(summary).toContain('6 links lead somewhere')
  })

  it.each([
    ['docs/none.md', 'there is no such file'],
    ['#none', 'there is no such heading'],
    ['docs/a.md#none', 'there is no such heading'],
    ['/docs/a.md', 'it begins with /, which leads elsewhere on every site that shows this file'],
    ['../', 'it leaves the repository'],
  ])('refuses %s', (target, reason) => {
    const { violations } = check({ 'README.md': `# Title\n\nSee [here](${target}).\n`, 'docs/a.md': '# A\n' })
    expect(violations).toEqual([`README.md:3: link to ${target}; ${reason}`])
  })
})
