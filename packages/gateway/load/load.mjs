// @ts-check
/** Thousands of clients on two gateways behind one port, and what happens to them when one gateway ends. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nginxVersion, startNginx, startStandIn } from './balancer.mjs'
import { startChild } from './child.mjs'
import { createCrowd } from './crowd.mjs'
import { ISSUER, planCrowd } from './crowd-plan.mjs'
import { startGatewayNode } from './gateway-node.mjs'
import { amiss, broadcast, sendNews } from './messages.mjs'
import { watchNode } from './metrics.mjs'
import { forgetKeys } from './redis-keys.mjs'
import { peakOf, spreadOf } from './times.mjs'

/**
 * @typedef {object} LoadOptions
 * @property {number} clients
 * @property {'kill' | 'drain'} end how one of the gateways ends: SIGKILL or SIGTERM
 * @property {number} [seconds] for each phase; default 60
 * @property {number} [drainMs] default 10,000
 * @property {number} [stalenessMs] `nodes.maxStalenessMs`; on a new prefix the first receipt of a revocation takes as long. Default 5,000
 * @property {number} [processes] of clients; default one for each 1,250
 * @property {number} [perSecond] how fast they come at first; default 500
 * @property {number} [stubbornMs] how long somebody who is refused waits, at least; default 2,000
 * @property {boolean} [standIn] in place of nginx; default where nginx is not installed
 * @property {string} [redisUrl]
 * @property {(line: string) => void} [log]
 */

/** @typedef {Awaited<ReturnType<typeof load>>} LoadReport */

/** @param {LoadOptions} options */
export async function load(options) {
  /** @type {(() => Promise<void>)[]} */
  const closers = []
  const folder = await mkdtemp(join(tmpdir(), 'portcullis-load-'))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  /** @template {{ stop: () => Promise<void> }} T @param {T} thing */
  const opened = (thing) => {
    closers.push(() => thing.stop())
    return thing
  }
  try {
    return await measure(options, folder, opened)
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

/** @param {LoadOptions} options @param {string} folder @param {<T extends { stop: () => Promise<void> }>(thing: T) => T} opened */
async function measure(options, folder, opened) {
  const {
    clients,
    end,
    seconds = 60,
    drainMs = 10_000,
    stalenessMs = 5_000,
    perSecond = 500,
    stubbornMs = 2_000,
    log = () => {},
  } = options
  const { standIn = nginxVersion() === null, processes = Math.max(1, Math.ceil(clients / 1_250)) } = options
  const secret = () => randomBytes(32).toString('hex')
  const CREDENTIAL_SECRET = secret()
  const env = {
    HOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    NODES_SECRET: secret(),
    CONTROL_KEY: secret(),
    REDIS_URL: options.redisUrl ?? process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
    PREFIX: `load-${randomBytes(6).toString('hex')}`,
  }
  opened({ stop: () => forgetKeys(env.REDIS_URL, env.PREFIX) })
  const members = planCrowd(clients, CREDENTIAL_SECRET)
  const good = members.filter(({ kind }) => kind === 'good').length

  const backend = opened(await startChild('./backend.mjs', { CREDENTIAL_SECRET, HOOK_SECRET: env.HOOK_SECRET }))
  const started = await Promise.allSettled(
    ['a', 'b'].map((name) => startGatewayNode({ folder, name, backendPort: backend.port, drainMs, stalenessMs, env })),
  )
  for (const each of started) if (each.status === 'fulfilled') opened(each.value)
  const [ending, staying] = started.map((each) => {
    if (each.status === 'rejected') throw each.reason
    return each.value
  })
  if (ending === undefined || staying === undefined) throw new Error('there are two')
  const ports = [ending.port, staying.port]
  const balancer = opened(standIn ? await startStandIn(ports) : await startNginx(folder, ports))
  const crowd = opened(await createCrowd(processes))
  log(`${clients} clients in ${processes} processes, two gateways behind ${balancer.kind}`)

  const openedAt = Date.now()
  // While they come: a revoked one may get in before it is revoked, and must be put out again.
  const revoking = Promise.all(
    members
      .filter(({ kind }) => kind === 'revoked')
      .map(({ subject }) => ending.ask('/v1/revoke', { key: { issuer: ISSUER, subject } })),
  )
  await Promise.all([revoking, crowd.open(members, `http://127.0.0.1:${balancer.port}`, perSecond, stubbornMs)])
  await crowd.until(({ good: here }) => here === good, seconds, 'all are connected')
  log(`connected after ${Date.now() - openedAt} ms`)
  await crowd.until(({ others }) => others === 0, seconds, 'the revoked ones are out')
  await crowd.guard()

  const before = await ending.metrics()
  const beforeStaying = await staying.metrics()
  await crowd.times()
  await backend.ask({ path: '', forget: true })
  const stopWatching = watchNode(staying, 250)
  const stopSending = sendNews(staying, 1_000)
  const endedAt = Date.now()
  log(
    `${before.sockets} on the one that ends, ${beforeStaying.sockets} on the other: ${end === 'kill' ? 'SIGKILL' : 'SIGTERM'}`,
  )
  ending.signal(end === 'kill' ? 'SIGKILL' : 'SIGTERM')
  const back = await crowd
    .until(({ good: here, left }) => here === good && left >= before.sockets, seconds, 'all are back')
    .then(
      () => true,
      (error) => {
        log(error.message)
        return false
      },
    )
  log(back ? 'all are back' : 'not all are back')
  // So that it was not for lack of trying that nobody else got in.
  await crowd.until(({ refused }) => refused === clients - good, 15, 'all others were refused')
  const { connectedAt, disconnectedAt, told, refusals } = await crowd.times()
  const questions = await backend.ask({ path: `/${staying.name}`, forget: false })
  const sent = await stopSending()
  const staged = await stopWatching()
  const exitCode = end === 'drain' ? await within(ending.ended, seconds, 'the drained gateway ends') : null
  const sockets = (await staying.metrics()).sockets

  const everyone = await broadcast(staying, crowd, good, { room: 'everyone' }, seconds)
  const during = await amiss(crowd, sent)
  const orgs = [...new Set(members.map(({ org }) => org))]
  const rooms = { once: 0, never: 0, again: 0, stray: 0 }
  for (const org of orgs) {
    const meant = members.filter((member) => member.kind === 'good' && member.org === org).length
    const heard = await broadcast(staying, crowd, meant, { room: `org.${org}`, org }, seconds)
    for (const key of /** @type {const} */ (['once', 'never', 'again', 'stray'])) rooms[key] += heard[key]
  }
  const { admittedWrongly } = await crowd.state()
  return {
    clients,
    good,
    end,
    balancer: standIn ? balancer.kind : `nginx ${nginxVersion()}`,
    allBack: back,
    backAfterMs: Math.max(...connectedAt, endedAt) - endedAt,
    moved: disconnectedAt.length,
    movedOfNode: before.sockets,
    told,
    admittedWrongly,
    refusedAttempts: refusals,
    questions,
    sockets,
    during,
    everyone,
    rooms,
    releases: spreadOf(disconnectedAt, endedAt),
    returns: {
      ...spreadOf(connectedAt, endedAt),
      peakIn100Ms: peakOf(connectedAt, 100),
      peakIn1s: peakOf(connectedAt, 1_000),
    },
    staying: staged,
    exitCode,
    complaints: staying.complaints().slice(0, 5),
    complaintsOfEnding: ending.complaints().slice(0, 5),
  }
}

/** @template T @param {Promise<T>} promise @param {number} seconds @param {string} what @returns {Promise<T>} */
async function within(promise, seconds, what) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const late = new Promise((/** @type {(value: never) => void} */ _resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${seconds} s: ${what}`)), seconds * 1_000)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
