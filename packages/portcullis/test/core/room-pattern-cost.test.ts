import { describe, expect, it } from 'vitest'
import { compileRoomPattern } from '../../src/core/room-pattern.ts'

describe('room pattern', () => {
  it('D12: matches a hostile name in linear time', { retry: 3 }, () => {
    const pattern = compileRoomPattern('a{x}:b{y}:c{z}')
    const started = performance.now()
    expect(pattern.match(`a${'a'.repeat(100_000)}`)).toBe(null)
    expect(performance.now() - started).toBeLessThan(100)
  })
})
