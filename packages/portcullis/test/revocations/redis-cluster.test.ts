import { randomBytes } from 'node:crypto'
import { redis } from 'portcullis/revocations/redis'
import { expect, test } from 'vitest'
import { inSeconds, listenTo, newId, readerOf } from '../../src/testing/revocation-log-assertions.ts'
import { ownedProcess } from '../faults/owned-process.ts'
import { freePort } from '../free-port.mjs'
import { onCleanup } from '../harness.ts'
import { ioRedis, nodeRedis, SECRET } from './log-fixtures.ts'

/** A cluster of one node, which refuses commands and scripts whose keys are of several slots all the same. */
async function ownCluster(): Promise<string> {
  const server = await ownedProcess('redis', 'needs redis-server')
  onCleanup(() => server.finish())
  const port = await freePort()
  const files = [
    '--save',
    '',
    '--dir',
    server.folder,
    '--cluster-enabled',
    'yes',
    '--cluster-port',
    String(await freePort()),
  ]
  server.run(process.env.REDIS_SERVER ?? 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', ...files])
  const url = `redis://127.0.0.1:${port}`
  await server.start(async () => {
    const client = await ioRedis(url).catch(() => null)
    await client?.cluster('ADDSLOTSRANGE', 0, 16_383).catch(() => null)
    return /cluster_state:ok/.test(String(await client?.cluster('INFO').catch(() => '')))
  })
  return url
}

test('in a Redis Cluster all keys of a log are of one slot', async () => {
  const url = await ownCluster()
  for (const client of [await ioRedis(url), await nodeRedis(url)]) {
    const log = redis({ client, secret: SECRET, prefix: `log-${randomBytes(6).toString('hex')}` })
    const [ear, reader] = [await listenTo(log), readerOf(log)]
    const ids = [newId(), newId(), newId()]
    for (const id of ids) await log.append({ id, text: id, expiresAt: inSeconds(60) })
    await ear.until(() => ear.appended() === 3, 'three wakes')
    const { entries, applied } = await reader.sync({ applied: ids.map((id) => ({ id, closed: 1 })), awaiting: ids })
    expect(entries.map(({ text }) => text)).toEqual(ids)
    expect(ids.map((id) => applied.get(id)?.get(reader.node))).toEqual([1, 1, 1])
    await log.leave(reader.node)
    await ear.stop()
  }
})
