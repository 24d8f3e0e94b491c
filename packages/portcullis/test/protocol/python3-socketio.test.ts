import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from 'vitest'
import { findPython, runPython } from './python.ts'
import { vectorServer } from './vector-server.ts'
import { SCENARIOS, type Scenario, SERVER } from './vectors.ts'

const PROGRAM = fileURLToPath(new URL('speak.py', import.meta.url))

/** What differs in each scenario, by its name; one program plays all. */
async function speak(scenarios: readonly Scenario[]): Promise<Map<string, string | null>> {
  const tasks = await Promise.all(
    scenarios.map(async (scenario) => ({
      url: await vectorServer(scenario.settings),
      namespace: SERVER.namespace,
      scenario,
    })),
  )
  const output = await runPython(PROGRAM, JSON.stringify(tasks))
  const results = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; difference: string | null })
  return new Map(results.map(({ name, difference }) => [name, difference]))
}

let differences: Map<string, string | null>
beforeAll(async () => {
  differences = await speak(SCENARIOS)
}, 60_000)

test.for(SCENARIOS.map(({ name }) => name))('python3-socketio: %s', (name) => {
  expect(differences.get(name)).toBeNull()
})

test('a scenario that goes otherwise fails, and says where', async () => {
  const connect = { connect: { auth: { token: 'alice' } } }
  const wrong = await speak([
    { name: 'answer', steps: [connect, { emit: ['echo', { a: 1 }], answer: { a: true } }] },
    { name: 'refusal', steps: [{ ...connect, refused: { code: 'AUTH_EXPIRED' } }] },
    { name: 'admission', steps: [{ connect: { auth: { token: 'nobody' } } }] },
    {
      name: 'silence',
      steps: [connect, { send: ['forbidden'] }, { emit: ['echo', 1], answer: 1 }, { absent: 'auth:denied' }],
    },
    { name: 'order', steps: [connect, { emit: ['echo', ['a', 'b']], answer: { $unordered: ['b', 'c'] } }] },
  ])
  expect([...wrong.values()].map((difference) => difference?.replace(/^.*\}: /, ''))).toEqual([
    'it.a is 1, not true',
    'it is "admitted", not {"code": "AUTH_EXPIRED"}',
    expect.stringMatching(/^it is \{"code": "AUTH_CREDENTIAL_INVALID".*\}, not "admitted"$/),
    expect.stringMatching(/^it is \[\{.*\}\], not \[\]$/),
    'it[0] is "a", not "b"',
  ])
})

test('without a Python that has the module, the tests fail and say what to install', () => {
  expect(() => findPython(['/nonexistent/python3', process.execPath])).toThrow(
    /^The protocol tests need .*: install python3-socketio and python3-aiohttp, or set PYTHON\.$/,
  )
})
