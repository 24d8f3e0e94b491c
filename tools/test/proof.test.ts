import { describe, expect, it } from 'vitest'
import { findProofViolations, matchClaims, readAll } from '../proof/check.mjs'
import { CLAIMS, SIGNPOSTS } from '../proof/claims.mjs'
import { benchTable, faultRows, line, mutationScore, report } from '../proof/figures.mjs'
import { keyOf, pageOf } from '../proof/page.mjs'
import { firstParagraph, readSentences } from '../proof/sentences.mjs'
import { figureOf } from '../proof/tests.mjs'
import { ROOT } from '../workspace.mjs'
import { tree } from './tree.ts'

const MARKDOWN = `# Gate

Decides who may \`connect\`. Nobody
else does: [why](a.md).

\`\`\`ts
const claimed = 'nothing'
\`\`\`

## Cost

- Little, **always**. Or
  nothing.

| what | how much |
|---|---|
| a connect | 1.10 |
`

describe('what a README says', () => {
  it('is its sentences, items and rows, without headings and code', () => {
    expect(readSentences(MARKDOWN).map(({ section, line, text }) => [section, line, text])).toEqual([
      ['Gate', 3, 'Decides who may connect.'],
      ['Gate', 3, 'Nobody else does: why.'],
      ['Cost', 12, 'Little, always. Or nothing.'],
      ['Cost', 17, 'a connect | 1.10'],
    ])
    expect(readSentences(firstParagraph(MARKDOWN))).toHaveLength(2)
  })
})

describe('claims', () => {
  const said = new Map([['README.md', readSentences(MARKDOWN)]])
  const claim = (name: string, says: string) => ({
    name,
    says,
    proofs: [{ tests: [['a.test.ts', 'connects']] as const }],
  })

  it('have each one sentence, and each sentence has one', () => {
    const claims = [claim('who', 'Decides who'), claim('gone', 'is free'), claim('both', 'a')]
    const { sentences, violations } = matchClaims(claims, said, ['Nobody else'])
    expect(sentences.get(claims[0] as never)?.line).toBe(3)
    expect(violations).toEqual([
      'gone: README.md says "is free" in 0 sentences, and not in one',
      'both: README.md says "a" in 3 sentences, and not in one',
    ])
    expect(matchClaims([claim('who', 'Decides who')], said, ['Nobody']).violations).toEqual([
      'README.md:12: "Little, always. Or nothing." has no row in tools/proof/claims.mjs',
      'README.md:17: "a connect | 1.10" has no row in tools/proof/claims.mjs',
    ])
  })

  it('of this repository are those of its READMEs', () => {
    expect(matchClaims(CLAIMS, readAll(ROOT), SIGNPOSTS).violations).toEqual([])
  })

  it('need a command, a test and a figure that are there, hold, and are those that are quoted', () => {
    const root = tree({ 'package.json': { scripts: {} }, 'a.test.ts': "it('connects')" })
    const read = line(/.*/)
    const cost = { name: 'cost', says: 'a connect', proofs: [{ command: 'bench' as const, read, quotes: true }] }
    const lost = {
      name: 'lost',
      says: 'Decides',
      proofs: [{ tests: [['a.test.ts', 'leaves'], ['b.test.ts']] as const }],
    }
    const claims = [cost, lost, { ...lost, proofs: [] }]
    const { sentences } = matchClaims([cost], said, [])
    const results = {
      cost: { figure: '1.20', holds: false, at: '2026-01-01' },
      old: { figure: '1', holds: true, at: '2026-01-01' },
    }
    expect(findProofViolations(claims, sentences, results, root)).toEqual([
      'two claims are called lost',
      'tools/proof/results.json has a figure of old, which claims nothing',
      'cost: package.json has no script "bench"',
      'cost does not hold: 1.20',
      'cost: the README says 1.10, and what was last seen is 1.20',
      'lost: a.test.ts has no test "leaves"',
      'lost: b.test.ts does not exist',
      'lost has no figure: npm run proof -- --only lost',
      'lost has no proof',
    ])
  })

  it('that do not hold may be known, with the reason, for as long as they do not', () => {
    const root = tree({ 'package.json': {}, 'a.test.ts': "it('connects')" })
    const known = { name: 'who', says: 'Decides who', proofs: [{ tests: [['a.test.ts']] as const, known: 'a bug' }] }
    const { sentences } = matchClaims([known], said, [])
    const seen = (holds: boolean) => ({ who: { figure: '1 of 2', holds, at: '2026-01-01' } })
    expect(findProofViolations([known], sentences, seen(false), root)).toEqual([])
    expect(pageOf([known], sentences, seen(false))).toContain('**does not hold**: 1 of 2. Known: a bug |')
    expect(findProofViolations([known], sentences, seen(true), root)).toEqual(['who holds, and "known" says why not'])
    expect(pageOf([known], sentences, seen(true))).toContain('| 1 of 2 | 2026-01-01 |')
  })

  it('stand on the page with what was seen, or with what was not', () => {
    const claims = [claim('who', 'Decides who'), { ...claim('more', 'A <promise> | {{x}}'), in: null }]
    const { sentences } = matchClaims(claims, said, [])
    const seen = { [keyOf(claims[0] as never, 0)]: { figure: '2 tests pass', holds: false, at: '2026-01-01' } }
    expect(pageOf(claims, sentences, seen).split('\n').slice(-12)).toEqual([
      ...['## Gate', '', '| claim | proof | last seen | |', '|---|---|---|---|'],
      '| Decides who may connect. | `npm test`: [a.test.ts](../a.test.ts) | **does not hold**: 2 tests pass | 2026-01-01 |',
      ...['', '## Beyond the README', '', '| claim | proof | last seen | |', '|---|---|---|---|'],
      '| A &lt;promise&gt; \\| &#123;&#123;x}} | `npm test`: [a.test.ts](../a.test.ts) | not yet |  |',
      '',
    ])
  })
})

describe('figures', () => {
  it('are lines, with the last one last', () => {
    expect(line(/^(\d+) of (\d+) met/, '$1/$2')('1 of 3 met\nnoise\n2 of 3 met, all')).toMatchObject({
      figure: '2/3',
    })
    expect(line(/(\d) of (\d)/, '$1', ([, met, all]) => met === all)('1 of 3')).toEqual({ figure: '1', holds: false })
    expect(line(/met/)('nothing')).toBe(null)
  })

  it('are fields of the report at the end, on one line or many', () => {
    const read = report(({ a }) => ({ figure: `${a}`, holds: true }))
    expect(read('{"a":1}\nmore')?.figure).toBe('1')
    expect(read('seed 1\n{\n  "b": {\n    "c": 1\n  },\n  "a": 2\n}\n')?.figure).toBe('2')
    expect(read('{ not json\n')).toBe(null)
  })

  it('are the rows of a table of the benchmarks', () => {
    const text =
      '## A connect, slowly\n\n| variant | µs | quartiles | ratio | goal |\n|---|---|---|---|---|\n| bare | 1.0 | 1 – 1 | 1.00 | |\n| portcullis | 1.2 | 1 – 2 | 1.20 | ≤ 1.1: **missed** |\n\n## Another\n\n| variant | ns |\n|---|---|\n| portcullis | 7 |\n'
    expect(benchTable(/a connect/i)(text)?.figure).toBe('portcullis 1.20 (goal ≤ 1.1: missed)')
    expect(benchTable(/another/i)(text)?.figure).toBe('portcullis 7 ns')
    expect(benchTable(/third/i)(text)).toBe(null)
  })

  it('are the faults, which hold when each was met', () => {
    const table = '| | fault | done | goal | seen | met | took |\n|---|---|---|---|---|---|---|\n'
    const text = `${table}| F1 | a \\| b | x | y | 3 ms | yes | 1 s |\n| F2 | c | x | y | 9 ms | **no**: late | 1 s |\n`
    expect(faultRows('F1')(text)).toEqual({ figure: 'F1: 3 ms', holds: true })
    expect(faultRows('F1', 'F2')(text)).toEqual({ figure: 'F1: 3 ms; F2: 9 ms', holds: false })
    expect(faultRows('F3')(text)).toBe(null)
  })

  it('are the mutants that were noticed', () => {
    const mutants = ['Killed', 'Timeout', 'Survived', 'NoCoverage', 'Ignored'].map((status) => ({ status }))
    const text = JSON.stringify({ files: { a: { mutants } }, thresholds: { break: 90 } })
    expect(mutationScore()(text)).toEqual({ figure: '2 of 4 mutants, 50.0 %', holds: false })
  })

  it('are the tests that ran, each of which is needed', () => {
    const results = {
      startTime: 0,
      testResults: [{ name: '/r/a.test.ts', assertionResults: [] as { fullName: string; status: string }[] }],
    }
    const ran = (...statuses: string[]) => ({
      ...results,
      testResults: [
        { name: '/r/a.test.ts', assertionResults: statuses.map((status, i) => ({ fullName: `gate ${i}`, status })) },
      ],
    })
    expect(figureOf(ran('passed', 'passed'), '/r', [['a.test.ts']])).toEqual({ figure: '2 tests pass', holds: true })
    expect(figureOf(ran('passed', 'failed'), '/r', [['a.test.ts', 'gate 0']])).toEqual({
      figure: '1 test passes',
      holds: true,
    })
    expect(figureOf(ran('passed', 'failed'), '/r', [['a.test.ts']])).toEqual({
      figure: '1 test passes, 1 fail',
      holds: false,
    })
    expect(figureOf(ran('skipped'), '/r', [['a.test.ts']])).toBe(null)
    expect(figureOf(results, '/r', [['b.test.ts']])).toBe(null)
  })
})
