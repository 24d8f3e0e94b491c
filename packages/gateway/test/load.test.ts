/** A gateway ends under its clients: two real gateways behind one port, and what `npm run load` does with thousands. */

import { describe, expect, it } from 'vitest'
import { nginxConfiguration } from '../load/balancer.mjs'
import { load } from '../load/load.mjs'
import { peakOf } from '../load/times.mjs'

const CLIENTS = 60
const GOOD = 54
const ALL_HEARD_IT_ONCE = { once: GOOD, never: 0, again: 0, stray: 0 }

describe('sixty clients on two gateways, some of whom try with forged, expired and revoked credentials', () => {
  it('are all back in their rooms when one gateway was killed; nobody else is, and the backend was asked once about each', async () => {
    const report = await load({ clients: CLIENTS, end: 'kill', seconds: 10, standIn: true })
    expect(report).toMatchObject({
      allBack: true,
      moved: report.movedOfNode,
      admittedWrongly: 0,
      sockets: GOOD,
      during: { again: 0, stray: 0 },
      everyone: ALL_HEARD_IT_ONCE,
      rooms: ALL_HEARD_IT_ONCE,
      complaints: [],
    })
    expect(report.movedOfNode).toBeGreaterThan(0)
    expect(report.questions.mostOfOne).toBe(1)
    expect(report.refusedAttempts).toBeGreaterThanOrEqual(CLIENTS - GOOD)
    expect(report.staying.refusals).toMatchObject({
      'connect AUTH_CREDENTIAL_INVALID': expect.any(Number),
    })
  })

  it('are let go one after another by a gateway that drains, each with a hint when to come back', async () => {
    const drainMs = 2_000
    const report = await load({ clients: CLIENTS, end: 'drain', drainMs, seconds: 10, standIn: true })
    expect(report).toMatchObject({
      allBack: true,
      moved: report.movedOfNode,
      told: report.movedOfNode,
      admittedWrongly: 0,
      everyone: ALL_HEARD_IT_ONCE,
      rooms: ALL_HEARD_IT_ONCE,
      during: { again: 0, stray: 0 },
      exitCode: 0,
    })
    const { releases, returns } = report
    expect(releases.half).toBeGreaterThan(drainMs / 4)
    expect(releases.nineTenths).toBeGreaterThan(drainMs / 2)
    expect(returns.peakIn100Ms).toBeLessThan(report.moved / 2)
  })
})

it('what the load measures through is what we ship: the configuration of nginx, with other names', () => {
  const text = 'http {\n server gateway-1:3000; server gateway-2:3000; listen 8080; }'
  expect(nginxConfiguration(text, '/home', 7, [1, 2])).toMatch(/server 127.0.0.1:1; server 127.0.0.1:2; listen 127.0.0.1:7;/)
})

it('the most of a window is counted wherever the window lies', () => {
  expect(peakOf([0, 99, 100, 150, 400], 100)).toBe(3)
  expect(peakOf([], 100)).toBe(0)
})
