import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { billOf, findBillViolations, lockOf } from '../sbom.mjs'
import { ROOT } from '../workspace.mjs'
import { tree } from './tree.ts'

const MANIFEST = { name: 'one', version: '1.0.0', license: 'MIT', dependencies: { a: '*', two: '*' } }
const PACKAGES = {
  '': { version: '0.0.0' },
  'node_modules/a': { version: '1.0.0', devOptional: true, dependencies: { b: '*' } },
  'node_modules/b': { version: '1.0.0', dependencies: { a: '*' } },
  'node_modules/dev': { version: '1.0.0', dev: true },
  'node_modules/two': { resolved: 'packages/two', link: true },
  'packages/one': { version: '1.0.0', dependencies: { a: '*', two: '*' } },
  'packages/two': { version: '1.0.0', dependencies: { b: '*' } },
  'packages/two/node_modules/b': { version: '2.0.0' },
}

describe('the lock file of one package', () => {
  it('has what it needs and what that needs, without tools, with the other packages in place of links to them', () => {
    const { packages } = lockOf(PACKAGES, 'packages/one', MANIFEST)
    expect(Object.keys(packages).sort()).toEqual([
      '',
      'node_modules/a',
      'node_modules/b',
      'node_modules/two',
      'node_modules/two/node_modules/b',
    ])
    expect(packages['node_modules/a']).toEqual({ version: '1.0.0', dependencies: { b: '*' } })
    expect(packages['node_modules/two']).toMatchObject({ name: 'two', version: '1.0.0' })
    expect(packages['node_modules/two/node_modules/b']).toEqual({ version: '2.0.0' })
  })

  it('is not made of one that misses something', () => {
    const { 'node_modules/b': _, ...without } = PACKAGES
    expect(() => lockOf(without, 'packages/one', MANIFEST)).toThrow('package-lock.json has no b for node_modules/a')
  })
})

describe('the bill of materials', () => {
  it('is CycloneDX with a purl for each package, and the same for the same lock file', {
    timeout: 60_000,
  }, async () => {
    const root = tree({
      'package-lock.json': { packages: PACKAGES },
      'packages/one/package.json': MANIFEST,
    })
    const folder = join(root, 'packages/one')
    const bill = await billOf(root, folder)
    expect(findBillViolations(bill, 'one')).toEqual([])
    expect(bill.components.map(({ purl }) => purl).sort()).toEqual([
      'pkg:npm/a@1.0.0',
      'pkg:npm/b@1.0.0',
      'pkg:npm/b@2.0.0',
      'pkg:npm/two@1.0.0',
    ])
    expect(bill).not.toHaveProperty('serialNumber')
    expect(bill.metadata).not.toHaveProperty('timestamp')
    expect(await billOf(root, folder)).toEqual(bill)
  })

  it('is refused when it is something else, empty, or names a package by no purl', () => {
    const component = { name: 'a', version: '1', purl: 'pkg:npm/a@1', scope: 'required' }
    const sound = {
      bomFormat: 'CycloneDX',
      specVersion: '1.5',
      metadata: { component: { ...component, name: 'one' } },
      components: [component],
      dependencies: [{ ref: 'a', dependsOn: [] }],
    }
    expect(findBillViolations(sound, 'one')).toEqual([])
    expect(findBillViolations({ ...sound, bomFormat: 'SPDX' }, 'one')).toEqual(['the bill of one is no CycloneDX 1.5'])
    expect(findBillViolations({ ...sound, metadata: { component } }, 'one')).toEqual(['the bill of one is of a'])
    expect(findBillViolations({ ...sound, components: [] }, 'one')[0]).toBe('the bill of one is empty')
    const unnamed = { ...sound, components: [{ ...component, purl: '' }] }
    expect(findBillViolations(unnamed, 'one')).toEqual(['a has no purl'])
    expect(findBillViolations({ ...sound, dependencies: [] }, 'one')).toEqual([
      'the bill of one says nothing of what needs what',
    ])
  })

  it('of the library names its few packages', () => {
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
    const manifest = JSON.parse(readFileSync(join(ROOT, 'packages/portcullis/package.json'), 'utf8'))
    expect(Object.keys(lockOf(packages, 'packages/portcullis', manifest).packages)).toEqual([
      '',
      ...Object.keys(manifest.dependencies).map((name) => `node_modules/${name}`),
    ])
  })
})
