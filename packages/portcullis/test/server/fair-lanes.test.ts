import { describe, expect, it } from 'vitest'
import { createFairLanes, type Lane } from '../../src/server/fair-lanes.ts'

/** Each word is added to its lane, in order; then all are taken. */
function taken(...added: readonly (readonly [string, Lane])[]): readonly string[] {
  const lanes = createFairLanes<string>()
  for (const [item, lane] of added) lanes.add(item, lane)
  const items: string[] = []
  for (let item = lanes.take(); item !== undefined; item = lanes.take()) items.push(item)
  return items
}

describe('fair lanes', () => {
  it('are taken from in turn, the named ones first, and each in its order', () => {
    expect(taken(['a', 'all'], ['b', 'all'], ['c', 'all'], ['x', 'named'], ['y', 'named'])).toEqual([
      'x',
      'a',
      'y',
      'b',
      'c',
    ])
    expect(taken(['a', 'all'], ['x', 'named'], ['y', 'named'], ['z', 'named'])).toEqual(['x', 'a', 'y', 'z'])
  })

  it('give an item that is in both once, where its turn comes first', () => {
    expect(taken(['a', 'all'], ['b', 'all'], ['c', 'all'], ['c', 'named'])).toEqual(['c', 'a', 'b'])
    expect(taken(['a', 'all'], ['x', 'named'], ['y', 'named'], ['a', 'named'])).toEqual(['x', 'a', 'y'])
  })

  it('give nothing that was deleted', () => {
    const lanes = createFairLanes<string>()
    for (const lane of ['named', 'all'] as const) lanes.add('a', lane)
    lanes.delete('a')
    expect(lanes.take()).toBe(undefined)
  })
})
