/**
 * F10: one handshake after another through the real gate, each revoked at another moment: in each callback of the application, and between
 * any two turns of what lies between them. A seed says when, and tells the same story twice.
 */

import { AuthError, type Clock, createAuth, type Identity, permit, type Strategy } from 'portcullis'
import { fromAuth, fromAuthorization, readOne } from 'portcullis/strategies/from'
import { type Packet, serverWithoutNetwork } from './engine-without-network.ts'

const ISSUER = 'https://issuer.example'
const NAMESPACE = '/chat'
/** Packet types of the Socket.IO protocol, revision 5. */
const [CONNECT, EVENT, CONNECT_ERROR] = [0, 2, 4]

/** Milliseconds; ends nothing in a run that is as it should be. */
const SILENT_MS = 5_000
/** Violations after which no more are looked for. */
const ENOUGH = 5

const SAY: Packet = { type: EVENT, nsp: NAMESPACE, data: ['say', 'hello'] }

/** Where a handshake was when the revocation came. */
export const MOMENTS = [
  'door',
  'strategy at the door',
  'connect',
  'strategy',
  'connect rule',
  'memberships',
  'middleware',
  'connected',
] as const
export type Moment = (typeof MOMENTS)[number]

export interface Played {
  readonly seeds: number
  /** How many revocations came at each moment. */
  readonly moments: Record<Moment, number>
  /** How many clients were told what; `http` is a refused handshake. */
  readonly told: Record<string, number>
  /** What must not have happened, with the seed. */
  readonly violations: readonly string[]
}

interface Run {
  readonly rng: Rng
  moment: Moment
  revokedAt: Moment | null
  connectedAfter: boolean
  handledAfter: boolean
}

/** @param seeds how many, from `first` on */
export async function revokeDuringHandshakes(seeds: number, first = 0): Promise<Played> {
  const runs = new Map<string, Run>()
  const moments = Object.fromEntries(MOMENTS.map((moment) => [moment, 0])) as Record<Moment, number>
  const told: Record<string, number> = {}
  const violations: string[] = []
  const { io, open, auth, errors } = server(runs)
  try {
    for (let seed = first; seed < first + seeds && violations.length < ENOUGH; seed += 1) {
      const rng = createRng(seed)
      const subject = `user-${seed}`
      const run: Run = { rng, moment: 'door', revokedAt: null, connectedAfter: false, handledAfter: false }
      runs.set(subject, run)
      const inHeader = rng.chance(0.5)
      const ended = handshake(open, subject, inHeader, run)
      await turns(rng, rng.pick([0, 2, 6, 20, 60]))
      run.revokedAt = run.moment
      const key = rng.pick([{ issuer: ISSUER, subject }, { session: `session-${seed}` }, { tokenId: subject }])
      const receipt = auth.revoke(key)
      const outcome = await within(ended)
      await receipt
      moments[run.revokedAt] += 1
      told[outcome] = (told[outcome] ?? 0) + 1
      const left = auth.sockets({ issuer: ISSUER, subject }).length + io.of(NAMESPACE).sockets.size
      if (run.connectedAfter) violations.push(`seed ${seed}: connected after a revocation at ${run.revokedAt}`)
      if (run.handledAfter) violations.push(`seed ${seed}: an event was handled after it`)
      if (left > 0) violations.push(`seed ${seed}: a socket is left`)
      if (!/AUTH_REVOKED$/.test(outcome)) violations.push(`seed ${seed}: told ${outcome}`)
      runs.delete(subject)
    }
    for (const error of errors) violations.push(`an error: ${String(error)}`)
    return { seeds, moments, told, violations }
  } finally {
    await auth.close()
    await io.close()
  }
}

function server(runs: ReadonlyMap<string, Run>) {
  const { io, handshake: open } = serverWithoutNetwork()
  const errors: unknown[] = []
  const auth = createAuth({
    origins: ['https://app.example'],
    strategies: [strategy(runs)],
    limits: { handshakesPerMinute: Number.POSITIVE_INFINITY, failuresPerMinute: Number.POSITIVE_INFINITY },
    onError: (error) => errors.push(error),
    clock: untimed,
  })
  const at = (subject: string, moment: Moment): Promise<void> | undefined => {
    const run = runs.get(subject) as Run
    run.moment = moment
    return run.rng.chance(0.3) ? undefined : turns(run.rng, run.rng.pick([1, 3, 9]))
  }
  const chat = auth.protect(io.of(NAMESPACE), {
    connect: ({ identity }: { identity: Identity }) =>
      at(identity.subject, 'connect rule')?.then(() => permit()) ?? permit(),
    memberships: ({ subject }: Identity) => at(subject, 'memberships')?.then(() => ['org:acme']) ?? ['org:acme'],
    events: { say: () => permit() },
  } as never)
  chat.use((socket, next) => {
    const waited = at(socket.data.identity.subject, 'middleware')
    if (waited === undefined) next()
    else waited.then(() => next())
  })
  chat.on('connection', (socket) => {
    const run = runs.get(socket.data.identity.subject) as Run
    run.moment = 'connected'
    // Socket.IO calls this also for one that the gate has disconnected meanwhile.
    if (run.revokedAt !== null && socket.connected) run.connectedAfter = true
    socket.on('say', () => {
      if (run.revokedAt !== null) run.handledAfter = true
    })
  })
  return { io, open, auth, errors }
}

function strategy(runs: ReadonlyMap<string, Run>): Strategy<Identity<'token'>> {
  const from = [fromAuthorization(), fromAuth('token')]
  return {
    scheme: 'token',
    from,
    maxLifetimeSeconds: 3_600,
    async authenticate(handshake, connect) {
      const subject = readOne(from, handshake, connect)
      if (subject === null) return null
      const run = runs.get(subject)
      if (run === undefined) throw new AuthError('AUTH_CREDENTIAL_INVALID')
      run.moment = connect === null ? 'strategy at the door' : 'strategy'
      await turns(run.rng, run.rng.pick([0, 1, 3, 9]))
      return {
        identity: { scheme: 'token', issuer: ISSUER, subject, claims: {} },
        lease: { id: subject, issuedAt: 0, expiresAt: null },
        revocableBy: [{ session: `session-${subject.slice('user-'.length)}` }, { tokenId: subject }],
      }
    },
  }
}

/** Resolves with what the client was told in the end. */
function handshake(
  open: ReturnType<typeof serverWithoutNetwork>['handshake'],
  subject: string,
  inHeader: boolean,
  run: Run,
): Promise<string> {
  return new Promise((resolve) => {
    let say = (): void => {}
    open(subject, inHeader ? { authorization: `Bearer ${subject}` } : {}, {
      opened(send) {
        run.moment = 'connect'
        say = () => send(SAY)
        send({ type: CONNECT, nsp: NAMESPACE, data: inHeader ? {} : { token: subject } })
      },
      refused: (answer) => resolve(`http ${codeOf(JSON.parse(answer.slice(answer.indexOf('{'))))}`),
      wrote({ type, data }) {
        // A client speaks as soon as it hears that it is connected.
        if (type === CONNECT) process.nextTick(say)
        if (type === CONNECT_ERROR) resolve(`connect_error ${codeOf((data as { data: object }).data)}`)
        const [event, body] = type === EVENT ? (data as unknown[]) : []
        if (event === 'auth:closed') resolve(`closed ${codeOf(body as object)}`)
      },
      closed: () => resolve('closed without a word'),
    })
  })
}

/** So many turns of the event loop: of promises, ticks or whole rounds, as the seed says. */
async function turns(rng: Rng, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    const kind = rng.next()
    if (kind < 0.9) await null
    else if (kind < 0.95) await new Promise<void>((done) => process.nextTick(done))
    else await new Promise<void>((done) => void setImmediate(done))
  }
}

/** Whoever is told nothing is not waited for. */
function within(ended: Promise<string>): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, SILENT_MS, 'nothing')
    ended.then((outcome) => {
      clearTimeout(timer)
      resolve(outcome)
    })
  })
}

/** No deadline is reached in a handshake that nobody holds up, and no timer is left behind. */
const untimed: Clock = { now: Date.now, monotonic: () => performance.now(), setTimer: () => () => {} }

function codeOf(refusal: object): string {
  return (refusal as { code: string }).code
}

interface Rng {
  /** From 0 up to, and without, 1. */
  next(): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
}

/** Mulberry32. */
function createRng(seed: number): Rng {
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    next,
    chance: (probability) => next() < probability,
    pick: (items) => items[Math.floor(next() * items.length)] as (typeof items)[number],
  }
}
