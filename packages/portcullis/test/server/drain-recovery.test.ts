import { deny } from 'portcullis'
import { expect, it } from 'vitest'
import { next } from '../harness.ts'
import { comeBack, judgements, lose, nodes, POLICY, present, say, settled, WAIT } from './recovery-fixtures.ts'

it('whom a drain let go comes back to another node as what it was, and has missed nothing', async () => {
  const { from, to } = await nodes('streams')
  const listener = await present(from, 'alice-key', 'room:acme:a')
  const id = listener.client.id
  const gone = next(listener.client, 'disconnect')
  await from.auth.drain({ overMs: 0 })
  expect((await gone)[0]).toBe('transport close')
  await say(to, 'room:acme:a', 'missed')
  const again = await comeBack(to, listener)
  expect([again.refused, again.recovered, again.client.id]).toEqual([null, true, id])
  expect(await settled(to, again)).toEqual([['news', 'missed']])
  expect(judgements(to)).toEqual(['recovered'])
})

it('so does whom close() let go in the middle of a drain', async () => {
  const { from, to } = await nodes('streams')
  const listener = await present(from)
  const id = listener.client.id
  const gone = next(listener.client, 'disconnect')
  const drained = from.auth.drain({ graceMs: 60_000 })
  await from.auth.close()
  expect(await drained).toMatchObject({ released: 1 })
  await gone
  const again = await comeBack(to, listener)
  expect([again.recovered, again.client.id]).toEqual([true, id])
})

it('a session that was away during a reload comes back under the new policy', async () => {
  const { from } = await nodes('memory')
  const listener = await present(from, 'alice-key', 'room:acme:a')
  await lose(from, listener)
  await from.auth.reload({ policies: [['/chat', { ...POLICY, rooms: { 'room:{org}:{name}': () => deny() } }]] })
  await say(from, 'room:acme:a', 'not for it any more')
  await say(from, 'org:acme', 'missed')
  const again = await comeBack(from, listener)
  expect(again.recovered).toBe(true)
  await expect.poll(() => again.heard.length, WAIT).toBeGreaterThanOrEqual(2)
  expect(await settled(from, again)).toEqual([
    ['auth:left', expect.objectContaining({ room: 'room:acme:a', code: 'AUTH_FORBIDDEN' })],
    ['news', 'missed'],
  ])
})

it('whom a drain let go, and who was revoked meanwhile, comes back with a new credential as somebody new', async () => {
  const { from, to } = await nodes('streams')
  const listener = await present(from, 'alice-key', 'room:acme:a')
  const gone = next(listener.client, 'disconnect')
  await from.auth.drain({ overMs: 0 })
  await gone
  await say(to, 'room:acme:a', 'not for it any more')
  await to.auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
  expect((await comeBack(to, listener)).refused).toMatchObject({ code: 'AUTH_REVOKED' })
  to.records.set('alice-key', { subject: 'alice', issuedAt: Date.now() / 1000 + 1 })
  const again = await comeBack(to, listener)
  expect([again.refused, again.recovered, again.heard]).toEqual([null, false, []])
  expect(judgements(to)).toEqual(['revoked'])
})
