import { memory } from 'portcullis/revocations/memory'
import { expect, it } from 'vitest'
import { fakeTime, gate, onCleanup, outcome, start } from '../harness.ts'
import { sharedLog } from './nodes-log.ts'

it('counts connected sockets by namespace, and those that are connecting', async () => {
  const { auth, io, client, records } = await start()
  for (const name of ['/chat', '/news']) auth.protect(io.of(name), { events: {} })
  const slow = gate()
  records.set('slow', { subject: 'alice', wait: slow.promise })
  const clients = ['/chat', '/chat', '/news'].map((name) => client(name, { auth: { token: 'alice-key' } }))
  for (const each of clients) expect(await outcome(each)).toBeNull()
  expect(auth.status()).toMatchObject({ state: 'fresh', sockets: 3, namespaces: { '/chat': 2, '/news': 1 } })
  clients[0]?.disconnect()
  await expect.poll(() => auth.status().namespaces).toEqual({ '/chat': 1, '/news': 1 })
})

it('says from when it is fresh, suspended and closed, and how it stands with the log', async () => {
  const log = sharedLog()
  const [facade, other] = [log.node(), log.node()]
  const time = fakeTime()
  facade.cut = true
  const cluster = { maxStalenessMs: 5_000 }
  const { auth } = await start({ clock: time.clock, revocations: facade, cluster })
  expect(auth.status()).toMatchObject({ state: 'starting', sockets: 0, log: { shared: true, lastReadMsAgo: null } })
  facade.cut = false
  const { auth: peer } = await start({ clock: time.clock, revocations: other, cluster })
  await expect.poll(() => peer.status().state).toBe('fresh')
  await expect
    .poll(() => {
      time.advance(1_000)
      return auth.status().nodes.length
    })
    .toBe(2)
  await auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' }, { timeoutMs: 1 }).catch(() => {})
  const fresh = auth.status()
  expect(fresh).toMatchObject({ state: 'fresh', revocations: 1, log: { failures: 0 } })
  expect(fresh.nodes.map(({ node }) => node)).toContain(fresh.node)
  expect(JSON.parse(JSON.stringify(fresh))).toEqual(fresh)
  facade.cut = true
  time.advance(5_001)
  expect(auth.status()).toMatchObject({ state: 'suspended' })
  time.advance(2_000)
  expect(auth.status().sinceSeconds).toBeGreaterThanOrEqual(2)
  await expect.poll(() => auth.status().log.failures).toBeGreaterThan(0)
  await auth.close()
  expect(auth.status().state).toBe('closed')
})

it('counts a revocation that the log has not taken as unwritten', async () => {
  const log = memory()
  let broken = true
  const failing = {
    ...log,
    append: (...args: Parameters<typeof log.append>) =>
      broken ? Promise.reject(new Error('full')) : log.append(...args),
  }
  const { auth } = await start({ revocations: failing })
  onCleanup(() => {
    broken = false
  })
  const revoked = auth.revoke({ tag: 'x' }, { timeoutMs: 5_000 })
  await expect.poll(() => auth.status().log).toMatchObject({ unwritten: 1 })
  expect(auth.status().revocations).toBe(1)
  broken = false
  await revoked
  await expect.poll(() => auth.status().log).toMatchObject({ unwritten: 0, failures: 0 })
})
