import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { freePort } from '../../examples/test/free-port.mjs'
import { findDeadLinksOf } from '../docs/built-links.mjs'
import { codePages } from '../docs/code-pages.mjs'
import { limitsTable } from '../docs/limits-table.mjs'
import { onSite, slugOf } from '../docs/links.mjs'
import { llmsText } from '../docs/llms.mjs'
import { lostPages, sectionsOf } from '../docs/pages.mjs'
import { readReasons } from '../docs/reasons.mjs'
import { staleIn } from '../docs.mjs'
import { readMarkdown } from '../snippets/markdown.mjs'
import { ROOT } from '../workspace.mjs'
import { writeTree } from './fixture.ts'

const ERRORS = 'packages/portcullis/src/errors.ts'
const run = promisify(execFile)
const page = (name: string) => readFileSync(join(ROOT, 'docs', name), 'utf8')

/** The files of a page: each is named in the paragraph before its code. */
function filesOf(name: string): Record<string, string> {
  const found = page(name).matchAll(/^`([\w.]+\.mjs)`[^\n]*:\n\n```mjs[^\n]*\n([\s\S]*?)^```$/gm)
  return Object.fromEntries([...found].map(([, file = '', text = '']) => [file, text]))
}

describe('the guide', () => {
  it('docs/guide/first-guard.md: its two programs do what the page says one sees', { timeout: 30_000 }, async () => {
    const root = writeTree(filesOf('guide/first-guard.md'))
    const { client, printed } = await startServer(root)
    const { stdout } = await run(process.execPath, client, { cwd: root, timeout: 15_000 })
    const [, seen = ''] = /```text\n([\s\S]*?)```/.exec(page('guide/first-guard.md')) ?? []
    const undated = (text: string) => text.replace(/\d{10}/g, 'N')
    expect(undated(stdout)).toBe(undated(seen))
    await expect.poll(printed).toContain('revoked: 1 closed, on every node')
    expect(printed()).not.toContain('never printed')
    const forged = client.with(-1, `${client.at(-1)}x`)
    const refused = await run(process.execPath, forged, { cwd: root, timeout: 15_000 })
    expect(refused.stdout).toBe('refused: The credential was not accepted.\n')
  })

  it('docs/guide/testing.md: its tests pass, and fail when the policy permits more', { timeout: 30_000 }, async () => {
    const files = filesOf('guide/testing.md')
    const root = writeTree(files)
    const result = await nodeTest(root)
    expect(result, result.stdout).toMatchObject({ failed: false, stdout: expect.stringContaining('# pass 5') })
    writeFileSync(
      join(root, 'policy.mjs'),
      (files['policy.mjs'] ?? '').replace("requireScope('chat:write')", '() => permitIf(true)'),
    )
    expect(await nodeTest(root)).toMatchObject({ failed: true, stdout: expect.stringContaining('not ok') })
  })
})

describe('what is generated', () => {
  it('the pages of the codes and the table of limits are as the sources are', { timeout: 30_000 }, async () => {
    const { pages, violations } = await codePages(ROOT)
    expect(violations).toEqual([])
    expect(pages).toHaveLength(13)
    expect(staleIn(ROOT, [...pages, limitsTable(ROOT)])).toEqual([])
  })

  it('is found when the sources have changed since', async () => {
    const current = page('codes/AUTH_REVOKED.md')
    const errors = readFileSync(join(ROOT, ERRORS), 'utf8').replace("spec: 'RFC 7009 section 2'", "spec: 'another one'")
    const root = writeTree({ [ERRORS]: errors, 'docs/codes/AUTH_REVOKED.md': current })
    const { pages } = await codePages(root)
    expect(staleIn(root, pages)).toEqual([`docs/codes/AUTH_REVOKED.md is not as the sources are: run \`npm run docs\``])
    expect(pages[0]?.text).toContain('| another one |')
  })

  it('no page of docs stands outside of the sidebar', () => {
    expect(lostPages(join(ROOT, 'docs'))).toEqual([])
  })

  it('llms.txt has every page of the sidebar but the API, with a sentence for each', () => {
    const { text } = llmsText(ROOT)
    const pages = sectionsOf(join(ROOT, 'docs'))
      .filter(({ title }) => title !== 'API')
      .flatMap((section) => section.pages)
    for (const { title, path } of pages) expect(text).toContain(`\n- [${title}](${path}): `)
    expect(text).not.toMatch(/\]\([^)]*\): *$/m)
  })

  it('a page of a code with another message, a missing section or no test is refused', async () => {
    const good = page('codes/AUTH_REVOKED.md')
    const check = async (text: string) => {
      const root = codesTree({ 'docs/codes/AUTH_REVOKED.md': text })
      const { violations } = await codePages(root)
      return violations.filter((line) => line.startsWith('docs/codes/AUTH_REVOKED.md'))
    }
    expect(await check(good)).toEqual([])
    expect(await check(good.replace('"retry": "refresh"', '"retry": "never"'))).toEqual([
      expect.stringContaining('is not what errors.ts says'),
    ])
    expect(await check(good.replace('## When\n', '## Then\n'))).toEqual([
      expect.stringContaining('"## When" must stand'),
    ])
    expect(await check(good.slice(0, good.indexOf('- [')))).toEqual([expect.stringContaining('no test shows it')])
  })

  it('a code without a page, and a reason that nobody explains, are found', async () => {
    const root = codesTree({
      'packages/portcullis/src/core/new.ts': "throw new AuthError('AUTH_REVOKED', { reason: 'brand_new' })",
    })
    const { violations } = await codePages(root)
    expect(violations).toContain('docs/codes/AUTH_REVOKED.md: every code has a page')
    expect(violations).toContain('tools/docs/reason-meanings.mjs: no line for the reason "brand_new"')
  })
})

describe('readReasons', () => {
  const reasonsIn = (files: Record<string, string>) => {
    const sources = Object.entries(files).map(([file, text]) => [`packages/portcullis/src/${file}`, text])
    const found = [...readReasons(writeTree(Object.fromEntries(sources)))].map(([code, words]) => [
      code,
      Object.fromEntries([...words].map(([word, where]) => [word, [...where]])),
    ])
    return Object.fromEntries(found)
  }

  it.each([
    ['a word', "new AuthError('AUTH_X', { reason: 'one' })", ['one']],
    ['either side of a choice', "new AuthError('AUTH_X', { reason: up ? 'one' : 'two' })", ['one', 'two']],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a program
    ['a template', 'new AuthError("AUTH_X", { reason: `${what}_timeout` })', ['…_timeout']],
    ['a constant of the file', "const WHY = 'one'\nnew AuthError('AUTH_X', { reason: WHY })", ['one']],
    ['options in a constant', "const WHY = { reason: 'one' }\nnew AuthError('AUTH_X', WHY)", ['one']],
    ['an event for the audit log', "record({ code: 'AUTH_X', reason: 'one' })", ['one']],
    ['a parameter, by its calls', "const no = (reason) => new AuthError('AUTH_X', { reason })\nno('one')", ['one']],
    [
      'a parameter, by its type',
      "type R = 'one' | 'two'\nfunction no(reason: R) { throw new AuthError('AUTH_X', { reason }) }",
      ['one', 'two'],
    ],
  ])('finds %s', (_, text, words) => {
    expect(Object.keys(reasonsIn({ 'a.ts': text }).AUTH_X)).toEqual(words)
  })

  it('finds what other files give to a function that they import, and names those files', () => {
    const made = "export function no(reason) { throw new AuthError('AUTH_X', { reason }) }"
    const found = reasonsIn({
      'a.ts': made,
      'b.ts': "import { no } from './a.ts'\nno('one')",
      'c.ts': "no('of its own')",
    })
    expect(found).toEqual({ AUTH_X: { one: ['b.ts'] } })
  })

  it('leaves out the facades, and gives to AUTH_FORBIDDEN what a rule answers with a code of its own', () => {
    const found = reasonsIn({
      'compat/a.ts': "new AuthError('AUTH_X', { reason: 'one' })",
      'b.ts': "new AuthError(decision.code, { reason: 'room' })",
    })
    expect(found).toEqual({ AUTH_FORBIDDEN: { room: ['b.ts'] } })
  })
})

describe('links on the site', () => {
  const root = '/repo'
  const docs = '/repo/docs'
  it.each([
    ['guide/a.md', '../codes.md#x', '../codes.md#x'],
    ['a.md', 'migrate/README.md', 'migrate/index.md'],
    ['a.md', '#here', '#here'],
    ['a.md', 'https://example.org/a', 'https://example.org/a'],
    ['guide/a.md', '../../packages/x.test.ts', 'https://host/repo/blob/main/packages/x.test.ts'],
    ['a.md', 'data.json', 'https://host/repo/blob/main/docs/data.json'],
  ])('from %s, %s leads to %s', (from, href, there) => {
    const where = { root, docs, repository: 'https://host/repo' }
    expect(onSite(where, join(docs, from), href)).toBe(there)
  })

  it('without a repository, what is outside leads to a copy', () => {
    const where = { root, docs, repository: null }
    expect(onSite(where, join(docs, 'guide/a.md'), '../../packages/x.test.ts#L3')).toBe(
      '/source/packages/x.test.ts.txt',
    )
  })

  it('a heading has the anchor that the check of links expects', () => {
    for (const heading of ["A client of one's own", 'Closed by default, *always*', 'I have … → import …']) {
      expect([...readMarkdown(`## ${heading}`).anchors]).toEqual([slugOf(heading)])
    }
  })

  it('finds what leads nowhere on the built site', () => {
    const site = writeTree({
      'index.html': '<a href="/a.html#one">1</a><a href="/b.html">2</a><a href="/a.html#two">3</a><a href="/a">4</a>',
      'a.html': '<h1 id="one">A</h1><a href="./">up</a><a href="#none">no</a><a href="https://x.example">out</a>',
    })
    const { violations, links, pages } = findDeadLinksOf(site, '/')
    expect([pages, links]).toEqual([2, 6])
    expect(violations).toEqual([
      'a.html: link to #none; there is no such heading',
      'index.html: link to /b.html; there is no such page',
      'index.html: link to /a.html#two; there is no such heading',
    ])
  })
})

/** The sources and pages that `codePages` reads, with some of them changed. */
function codesTree(files: Record<string, string>): string {
  return writeTree({ [ERRORS]: readFileSync(join(ROOT, ERRORS), 'utf8'), ...files })
}

/** The first guard, listening, with the command that it prints for its client. */
async function startServer(root: string) {
  const port = await freePort()
  const server = spawn(process.execPath, ['server.mjs'], { cwd: root, env: { ...process.env, PORT: String(port) } })
  onTestFinished(() => stopped(server))
  let output = ''
  const command = await new Promise<string>((resolve, reject) => {
    const read = (chunk: unknown) => {
      output += String(chunk)
      const line = /^node (client\.mjs .+)\n/m.exec(output)?.[1]
      if (line !== undefined) resolve(line)
    }
    server.stdout.on('data', read)
    server.stderr.on('data', read)
    server.once('exit', () => reject(new Error(`the server ended: ${output}`)))
  })
  return { client: command.split(' '), printed: () => output }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  await ended
}

/** `node --test`, as a reader runs it. */
async function nodeTest(root: string): Promise<{ failed: boolean; stdout: string }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const args = ['--test', '--test-reporter=tap', 'policy.test.mjs']
  const result = await run(process.execPath, args, { cwd: root, env, timeout: 25_000 }).catch((error) => error)
  return { failed: 'code' in result, stdout: result.stdout }
}
