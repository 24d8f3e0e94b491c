import { deny, permit } from 'portcullis'
import { describe, expect, it } from 'vitest'
import { next, outcome } from '../harness.ts'
import { comeBack, judgements, KINDS, listen, lose, nodes, POLICY, present, say, settled, WAIT } from './recovery-fixtures.ts'

describe.each(KINDS)('%s', (kind) => {
  it('whom a drain let go, and who was revoked since, comes back with a new credential as somebody new', async () => {
    const { from, to } = await nodes(kind)
    const listener = await present(from, 'alice-key', 'room:acme:a')
    const gone = next(listener.client, 'disconnect')
    if (kind === 'streams') { await from.auth.drain({ overMs: 0 }); await gone } else await lose(from, listener)
    await say(to, 'room:acme:a', 'missed')
    await to.auth.revoke({ issuer: 'https://issuer.example', subject: 'alice' })
    to.records.set('alice-key', { subject: 'alice', issuedAt: Date.now() / 1000 + 0.001 })
    const again = await comeBack(to, listener)
    console.log(kind, again.refused, again.recovered, again.heard, judgements(to))
    expect(again.recovered).toBe(false)
  })
  it('reload closes and takes away, and a session that was away then', async () => {
    const { from, to } = await nodes(kind)
    const a = await present(from, 'alice-key', 'room:acme:a')
    const b = await present(to, 'alice-key', 'room:acme:a')
    expect(await from.auth.reload({ policies: [['/chat', { ...POLICY, rooms: { 'room:{org}:{name}': () => deny() } }]] })).toMatchObject({ left: kind === 'memory' ? 2 : 1 })
    from.io.of('/chat').to('room:acme:a').emit('news', 'secret')
    from.io.of('/chat').emit('news', 'all')
    await expect.poll(() => b.heard.at(-1), WAIT).toEqual(['news', 'all'])
    await expect.poll(() => a.heard.at(-1), WAIT).toEqual(['news', 'all'])
    console.log(kind, a.heard, b.heard)
    // gone by reload: does it come back recovered
    const gone = next(a.client, 'disconnect')
    await from.auth.reload({ policies: [['/chat', { ...POLICY, connect: () => deny() }]] })
    await gone
    await from.auth.reload({ policies: [['/chat', POLICY]] })
    const again = await comeBack(from, a)
    console.log(again.refused, again.recovered, judgements(from))
    expect(again.recovered).toBe(false)
  })
})
