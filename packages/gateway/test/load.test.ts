/** A gateway ends under its clients: two real gateways behind one port, and what `npm run load` does with thousands. */

import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { nginxConfiguration } from '../load/balancer.mjs'
import { load } from '../load/load.mjs'
import { peakOf } from '../load/times.mjs'

const CLIENTS = 60
const GOOD = 54
const ALL_HEARD_IT_ONCE = { once: GOOD, never: 0, again: 0, stray: 0 }

describe.concurrent('F17, D17: sixty clients on two gateways, some of whom try with forged, expired and revoked credentials', () => {
  it('are all back in their rooms when one gateway was killed; nobody else is, and the backend was asked once about each', async ({
    expect,
  }) => {
    const report = await load({
      clients: CLIENTS,
      end: 'kill',
      seconds: 10,
      stubbornMs: 200,
      stalenessMs: 2_500,
      standIn: true,
    })
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
    const codes = Object.keys(report.staying.refusals).map((key) => key.split(' ')[1])
    expect(new Set(codes)).toEqual(new Set(['AUTH_CREDENTIAL_INVALID', 'AUTH_EXPIRED', 'AUTH_REVOKED']))
  }, 30_000)

  it('are let go one after another by a gateway that drains, each with a hint when to come back', async ({
    expect,
  }) => {
    const drainMs = 1_500
    const report = await load({
      clients: CLIENTS,
      end: 'drain',
      drainMs,
      seconds: 10,
      stubbornMs: 200,
      stalenessMs: 2_500,
      standIn: true,
    })
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
  }, 30_000)
})

it('what the load measures through is what we ship: the configuration of nginx, with other names and ports', async () => {
  const shipped = await readFile(new URL('../deploy/nginx.conf', import.meta.url), 'utf8')
  const text = nginxConfiguration(shipped, '/home', 7, [1, 2])
  expect(text).toMatch(/server 127\.0\.0\.1:1 [\s\S]*server 127\.0\.0\.1:2 [\s\S]*listen 127\.0\.0\.1:7;/)
  expect(text).not.toMatch(/gateway-\d|8080/)
})

it('the most of a window is counted wherever the window lies', () => {
  expect(peakOf([0, 99, 100, 150, 400], 100)).toBe(3)
  expect(peakOf([], 100)).toBe(0)
})
