/** The Python client of docs/protocol.md, run as it stands there. */

import { readFileSync } from 'node:fs'
import { io } from 'socket.io-client'
import { expect, test } from 'vitest'
import { onCleanup } from '../harness.ts'
import { startPython } from './python.ts'
import { vectorServer } from './vector-server.ts'
import { SERVER } from './vectors.ts'

const page = readFileSync(new URL('../../../../docs/protocol.md', import.meta.url), 'utf8')
const PROGRAM = /```python\n([\s\S]*?)```/.exec(page)?.[1] ?? ''

async function documented(...tokens: string[]) {
  const url = await vectorServer()
  const { lines, ended } = startPython(['-c', PROGRAM, url, SERVER.namespace, ...tokens])
  const clockmaker = io(`${url}${SERVER.namespace}`, { forceNew: true, auth: { token: 'bob' } })
  onCleanup(() => {
    clockmaker.disconnect()
  })
  return { lines, ended, advance: (seconds: number) => clockmaker.emitWithAck('advance', seconds) }
}

test('R06: a plain client refreshes when it is warned, and hears why it is closed', async () => {
  const { lines, ended, advance } = await documented('alice', 'alice-next', 'nobody')
  expect(await lines.next()).toBe('connected: alice 600')
  await advance(590)
  expect(await lines.next()).toBe('refreshed: 1800003600')
  await advance(3_000)
  expect(await lines.next()).toMatch(/^refreshed: .*AUTH_CREDENTIAL_INVALID/)
  await advance(10)
  expect(await lines.next()).toBe('closed: AUTH_EXPIRED')
  expect(await ended).toBe(0)
})

test('a plain client hears why it is refused', async () => {
  const { lines, ended } = await documented('alice-old')
  expect(await lines.next()).toBe('refused: AUTH_EXPIRED refresh')
  expect(await ended).toBe(0)
})
