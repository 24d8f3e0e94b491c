import { describe, expect, it } from 'vitest'
import { checkEngines } from '../check-engines.mjs'
import { writeTree } from './fixture.ts'

const check = (packages: Record<string, unknown>) => checkEngines(writeTree({ 'package-lock.json': { packages } }))
const elsewhere = process.platform === 'win32' ? 'linux' : 'win32'

describe('check-engines', () => {
  it('accepts packages that take Node 20.19.0, and says how many', () => {
    const { violations, summary } = check({
      '': { name: 'root', engines: { node: '>=20.19' } },
      'node_modules/silent': { version: '1.0.0' },
      'node_modules/fine': { version: '1.0.0', engines: { node: '^18 || ^20.19.0 || >=22.12' } },
    })
    expect(violations).toEqual([])
    expect(summary).toBe('3 packages accept Node 20.19.0')
  })

  it.each(['>=22', '^20.19.1', '^18 || >=20.20.2', 'not a range'])('refuses a package that wants %s', (node) => {
    const { violations } = check({ 'node_modules/new': { version: '2.0.0', engines: { node } } })
    expect(violations).toEqual([`node_modules/new 2.0.0 wants Node ${node}; we promise that Node 20.19.0 suffices`])
  })

  it('passes over an optional package for another platform', () => {
    const locked = { version: '1.0.0', engines: { node: '>=22' }, optional: true }
    expect(check({ 'node_modules/native': { ...locked, os: [elsewhere] } }).violations).toEqual([])
    expect(check({ 'node_modules/native': { ...locked, os: [`!${process.platform}`] } }).violations).toEqual([])
  })

  it('does not pass over one that is required, or optional but for this platform', () => {
    const engines = { node: '>=22' }
    expect(check({ 'node_modules/native': { engines, os: [elsewhere] } }).violations).toHaveLength(1)
    expect(check({ 'node_modules/native': { engines, optional: true } }).violations).toHaveLength(1)
    const here = { engines, optional: true, os: [process.platform], cpu: [process.arch] }
    expect(check({ 'node_modules/native': here }).violations).toHaveLength(1)
  })
})
