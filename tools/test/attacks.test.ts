import { describe, expect, it } from 'vitest'
import { CATALOGUE } from '../attacks/catalogue.mjs'
import { playedByProgram, playedByTests } from '../attacks/titles.mjs'
import { checkAttacks } from '../check-attacks.mjs'
import { runTool, tree } from './tree.ts'

const MARK = '<!-- from the tests, by `npm run attacks -- --write` -->'
const catalogue = [{ name: 'Tokens', rows: [['J01', 'H', 'a forgery'] as const, ['F1', 'X', 'an outage'] as const] }]

describe('the catalogue', () => {
  it('has 272 attacks and 22 faults, each once, and in few words', () => {
    const rows = CATALOGUE.flatMap(({ rows }) => rows)
    const ids = rows.map(([id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect([
      ids.filter((id) => /^[A-EG-Z]\d\d$/.test(id)).length,
      ids.filter((id) => /^F\d+$/.test(id)).length,
    ]).toEqual([272, 22])
    for (const [, level, what] of rows) {
      expect(level).not.toBe('')
      expect(what.length).toBeLessThan(100)
    }
  })
})

describe('the names of tests', () => {
  it.each([
    ["it('J01: a fact', run)", [[['J01'], 'a fact']]],
    ["describe('J01', run)", [[['J01'], '']]],
    ["it('fact 9, J01, F14: a fact', run)", [[['J01', 'F14'], 'a fact']]],
    ["it('R14, F9, M2: a fact', run)", [[['R14', 'F9'], 'a fact']]],
    ["it.each([['J01: one', 1], ['another', 2]])('%s', run)", [[['J01'], 'one']]],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the program that is read
    ['it(`J01: ${count} of them`, run)', [[['J01'], '… of them']]],
    ["it('a fact (J01, J02) and more', run)", [[['J01', 'J02'], 'a fact (J01, J02) and more']]],
    ["it.each(cases)('a fact (J01)', run)", [[['J01'], 'a fact (J01)']]],
    ["// J01: a comment\nit('a fact', run) // (J01)", []],
    ["const browser = 'Mozilla (X11)'", []],
    ["it('a J01 in the middle', run)", []],
    ["it('Section: J01', run)", []],
  ])('%s', (text, expected) => {
    expect(playedByTests('a.test.ts', text).map(({ ids, title }) => [ids, title])).toEqual(expected)
  })

  it('of a program are at the front of its first comment', () => {
    expect(playedByProgram('// @ts-check\n/**\n * F19, D18: many\n * handshakes. More.\n */\n')).toEqual([
      { ids: ['F19', 'D18'], title: 'many handshakes' },
    ])
    expect(playedByProgram("// F19: many\nconst id = 'F19'")).toEqual([])
  })
})

describe('the check', () => {
  const page = (rest = '') => ({ 'docs/security.md': `# Security\n\n${MARK}\n${rest}` })

  it('finds rows that nothing plays, and ids that are no rows', () => {
    const root = tree({ ...page(), 'packages/a/test/a.test.ts': "it('J01, J99: a fact', run)" })
    expect(checkAttacks(root, catalogue).violations).toEqual([
      'packages/a/test/a.test.ts: J99 is no row of the catalogue',
      'F1: no test plays it',
    ])
  })

  it('links each file once, with its first test, so that a page shows it as text', () => {
    const files = {
      'packages/a/test/a.test.ts': "it('J01: <b>|{{x}} %.20s', run)\nit('J01: second', run)\nit('J01: second', run)",
      'faults/f1.mjs': '/** F1: an outage. */',
    }
    const { text, violations } = checkAttacks(tree({ ...page('old table'), ...files }), catalogue)
    expect(violations).toEqual([])
    expect(text.split('\n')).toEqual([
      ...['# Security', '', MARK, '', '### Tokens', '', '| | attack | where | played by |', '|---|---|---|---|'],
      '| <a id="j01"></a>J01 | a forgery | H | [a.test.ts](../packages/a/test/a.test.ts): &lt;b>\\|&#123;&#123;x}} …, and 1 more |',
      '| <a id="f1"></a>F1 | an outage | X | [f1.mjs](../faults/f1.mjs): an outage |',
      '',
    ])
  })

  it('fails on a stale page as on a row without a test', () => {
    const root = tree(page())
    const { code, lines } = runTool('check-attacks.mjs', root)
    expect(code).toBe(1)
    expect(lines).toContain('J01: no test plays it')
    expect(lines).toContain('docs/security.md is not as the tests are: run `npm run attacks -- --write`')
  })
})
