import { readFileSync, rmSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { BITES, type KnownBite } from '../simulation/bites.mjs'
import { bundle } from '../simulation/bundle.mjs'
import { simulate } from '../simulation/processes.mjs'

const programs: string[] = []
afterAll(() => {
  for (const program of programs) rmSync(program, { force: true })
})

async function program(bite: KnownBite | null): Promise<string> {
  const file = await bundle(bite)
  programs.push(file)
  return file
}

describe('nodes that crash, pause and are cut off, in virtual time', () => {
  it('R10, R11, R13, R14, R16, R17, X07, X08: 40 seeds without a delivery after a receipt, a late one, or a socket lost', async () => {
    const { failed, total } = await simulate(await program(null), { first: 0, seeds: 40 })
    expect(failed).toEqual([])
    expect(total.seeds).toBe(40)
  }, 240_000)

  it('a seed tells the same story twice', async () => {
    const file = await program(null)
    const [once, again] = await Promise.all([
      simulate(file, { first: 7, seeds: 5 }),
      simulate(file, { first: 7, seeds: 5 }),
    ])
    expect(again).toEqual(once)
  }, 60_000)

  // Two of them, so that it is known to find any; `npm run simulate -- --bites` looks for each. They all have a test of
  // their own as well, in packages/portcullis/test/server.
  it.each(BITES.filter(({ within }) => within <= 100).slice(0, 2))(
    'finds $name: $what',
    async (bite) => {
      const { failed } = await simulate(await program(bite), { first: bite.first, seeds: bite.within, until: true })
      expect(failed[0]?.violations.length).toBeGreaterThan(0)
      console.log(`${bite.name}: npm run simulate -- --seed ${failed[0]?.seed} --bite ${bite.name}`)
    },
    240_000,
  )
})

it('is run by npm run simulate', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  expect(scripts.simulate).toBe('node simulation/run.mjs')
})
