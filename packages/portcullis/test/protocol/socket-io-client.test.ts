import { expect, test } from 'vitest'
import { play } from './speak.ts'
import { vectorServer } from './vector-server.ts'
import { differenceOf, SCENARIOS, SERVER } from './vectors.ts'

test.for(SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
  'socket.io-client: %s',
  async ([, scenario]) => {
    await play(`${await vectorServer(scenario.settings)}${SERVER.namespace}`, scenario)
  },
)

test('a scenario that goes otherwise fails, and says where', async () => {
  const url = `${await vectorServer()}${SERVER.namespace}`
  const connect = { connect: { auth: { token: 'alice' } } }
  const wrong = (...steps: Parameters<typeof play>[1]['steps']) =>
    play(url, { name: 'wrong', steps: [connect, ...steps] }, 1_000)
  await expect(wrong({ emit: ['echo', 'a'], answer: 'b' })).rejects.toThrow(/^step 2, .*: it is "a", not "b"$/)
  await expect(wrong({ emit: ['echo', 'a'], answer: 'a' }, { receive: 'news', body: 1 })).rejects.toThrow(
    /no news within/,
  )
  await expect(play(url, { name: 'wrong', steps: [{ ...connect, refused: { code: 'x' } }] })).rejects.toThrow(
    /it is "admitted"/,
  )
})

test.for([
  [1, 1, null],
  [1, 2, 'it is 2, not 1'],
  [null, undefined, 'it is undefined, not null'],
  [{ a: 1 }, { a: 1, b: 2 }, null],
  [{ a: { b: 1 } }, { a: {} }, 'it.a.b is undefined, not 1'],
  [{ a: 1 }, null, 'it is null, not {"a":1}'],
  [[1], [1, 2], 'it is [1,2], not [1]'],
  [[1, 2], [1, 3], 'it[1] is 3, not 2'],
  [{ $any: 'number' }, 1, null],
  [{ $any: 'number' }, '1', 'it is "1", not {"$any":"number"}'],
  [{ $unordered: ['a', 'b'] }, ['b', 'a'], null],
  [{ $unordered: ['a', 'b'] }, ['b'], 'it is ["b"], not ["a","b"]'],
] as const)('expecting %j of %j: %s', ([expected, value, difference]) => {
  expect(differenceOf(expected, value)).toBe(difference)
})
