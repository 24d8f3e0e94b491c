import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { migrateTable } from '../migrate-table.mjs'
import { ROOT } from '../workspace.mjs'

describe('the table of docs/migrate', () => {
  it('is as the pages are, and says of every row what became of it', () => {
    const { text, current } = migrateTable(ROOT)
    expect(current).toBe(text)
    const rows = text.split('\n').filter((line) => /^\| .* \| (kept|closed|refused|new|changed)/.test(line))
    expect(rows.length).toBeGreaterThan(150)
    for (const state of ['kept', 'closed as a hole', 'refused', 'new']) expect(text).toContain(` | ${state} | `)
  })

  it('has every hole that a page closes', () => {
    const { text } = migrateTable(ROOT)
    for (const page of ['passport-socketio', 'socketio-jwt', 'laravel-echo', 'socketio-0.9']) {
      const own = readFileSync(join(ROOT, 'docs', 'migrate', `${page}.md`), 'utf8')
      const holes = own.split('\n').filter((line) => /^\|.*\| (\*\*)?closed/i.test(line))
      expect(holes.length).toBeGreaterThan(3)
      for (const line of holes) expect(text).toContain(`${line.split(' | ')[0]} | closed as a hole | `)
    }
  })
})
