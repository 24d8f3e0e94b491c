/** What every strategy must keep, as test cases for any test runner. */

import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { AuthError, type AuthErrorCode, type Strategy } from 'portcullis'
import { handshakeOf } from './handshake.ts'
import { hostileRequests } from './hostile-requests.ts'
import {
  ask,
  assertErrorHides,
  assertHidden,
  assertWellFormed,
  credentialsOf,
  lookAgain,
  looksAgain,
  recognised,
  refused,
  type StrategyRequest,
  undated,
} from './strategy-assertions.ts'

export type { StrategyRequest } from './strategy-assertions.ts'

type Awaitable<T> = T | Promise<T>

/** A request whose credential must be refused, and with which code. */
export interface BadRequest {
  /** What is wrong with its credential, such as `an expired token`. */
  readonly name: string
  readonly request: () => Awaitable<StrategyRequest>
  /** The code it must be refused with. Default: any code of HTTP status 401. */
  readonly code?: AuthErrorCode
}

/** What `strategyContract` needs: the strategy, and requests of each kind. */
export interface StrategyContractOptions {
  /** A new strategy for every case. */
  readonly strategy: () => Awaitable<Strategy>
  /** A request with a credential that is accepted. It may be presented several times. */
  readonly good: () => Awaitable<StrategyRequest>
  /** Requests whose credential is of this kind, and bad. */
  readonly bad: readonly BadRequest[]
  /** A request without a credential of this kind. Default: one without headers, query and `auth`. */
  readonly missing?: () => Awaitable<StrategyRequest>
  /** The strategy while what it depends on does not answer, and a request that makes it ask. Default: no such case. */
  readonly unavailable?: () => Awaitable<StrategyRequest & { readonly strategy: Strategy }>
  /**
   * A request whose credential is accepted until `end` was called: a logout, a row that was deleted. For strategies that look
   * again at what they accepted. Default: it is not checked that they notice.
   */
  readonly ending?: () => Awaitable<StrategyRequest & { readonly end: () => Awaitable<void> }>
  /** Secrets inside the good and bad credentials that must not show either, such as a session id. Default none. */
  readonly secrets?: readonly string[]
}

/** One fact. `run` rejects when it does not hold. */
export interface ContractCase {
  readonly name: string
  readonly run: () => Promise<void>
}

/**
 * The facts that hold for every strategy: it recognises, refuses or passes on, never anything in between; it repeats
 * itself; it shows its credential to nobody; and no input makes it throw anything but an `AuthError`.
 *
 * Does not check how long anything takes, nor what the credential's own specification demands. A credential for one use
 * does not fit: two cases present it again.
 *
 * @example for (const { name, run } of strategyContract({ strategy, good, bad })) test(name, run)
 */
export function strategyContract(options: StrategyContractOptions): readonly ContractCase[] {
  const { strategy, good, bad, unavailable, ending, secrets = [] } = options
  const missing = options.missing ?? (() => ({ handshake: handshakeOf(), connect: null }))
  const cases: ContractCase[] = [
    {
      name: 'names its scheme, its sources and its longest lifetime',
      async run() {
        const { scheme, from, maxLifetimeSeconds } = await strategy()
        assert.ok(typeof scheme === 'string' && scheme !== '', 'scheme must be a non-empty string')
        assert.ok(maxLifetimeSeconds > 0, 'maxLifetimeSeconds must be above 0')
        for (const source of from) {
          assert.ok(['header', 'cookie', 'query', 'auth'].includes(source.in), `unknown source ${source.in}`)
          assert.equal(typeof source.read, 'function')
        }
      },
    },
    {
      name: 'recognises a good credential with a well-formed identity and lease',
      async run() {
        const subject = await strategy()
        assertWellFormed(subject, await recognised(subject, await good()))
      },
    },
    {
      name: 'resolves null when there is no credential of its kind',
      async run() {
        assert.equal(await ask(await strategy(), await missing()), null)
      },
    },
    {
      name: 'looks only at the CONNECT packet once there is one',
      async run() {
        const [subject, request] = [await strategy(), await good()]
        if (subject.from.length === 0 || request.connect !== null) return
        assert.equal(await subject.authenticate(request.handshake, { namespace: '/', auth: {} }), null)
      },
    },
    {
      name: 'shows the credential nowhere in what it answers',
      async run() {
        const [subject, request] = [await strategy(), await good()]
        const answer = await recognised(subject, request)
        // `revocableBy` may hold a session's id, which may be all of the credential: it stays on the node and is digested there.
        const hidden = [...credentialsOf(subject, request), ...secrets]
        assertHidden(JSON.stringify([answer.identity, answer.lease]), hidden, 'identity or lease')
      },
    },
    {
      name: 'answers the same when it is asked again',
      async run() {
        const [subject, request] = [await strategy(), await good()]
        const first = await recognised(subject, request)
        assert.deepEqual(undated(await recognised(subject, request)), undated(first))
      },
    },
    {
      name: 'answers the same to all who ask at once',
      async run() {
        const [subject, request] = [await strategy(), await good()]
        const answers = await Promise.all(Array.from({ length: 10 }, () => recognised(subject, request)))
        for (const answer of answers) assert.deepEqual(undated(answer), undated(answers[0]))
      },
    },
    {
      name: 'finds what it accepted still good when it looks again, if it ever does',
      async run() {
        const [subject, request] = [await strategy(), await good()]
        const accepted = await recognised(subject, request)
        if (!looksAgain(subject)) return
        assert.deepEqual(await subject.revalidate([]), [])
        for (const answer of await lookAgain(subject, [accepted, accepted, accepted])) {
          assert.ok(!AuthError.is(answer), 'a good credential was no longer good when it was looked at again')
          assertWellFormed(subject, answer)
          assert.deepEqual(undated(answer), undated(accepted))
          assert.ok(isDeepStrictEqual(answer.handle, accepted.handle), 'looking again changed the handle')
        }
      },
    },
    {
      name: 'throws nothing but AuthError, whatever the request holds',
      async run() {
        const subject = await strategy()
        for (const { name, request } of hostileRequests(subject)) {
          const outcome = await ask(subject, request).catch((error: unknown) => {
            assert.ok(AuthError.is(error), `${name}: threw something that is not an AuthError`)
            return null
          })
          if (outcome !== null) assertWellFormed(subject, outcome)
        }
        assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false, 'Object.prototype was polluted')
      },
    },
  ]
  for (const { name, request, code } of bad) {
    cases.push({
      name: `refuses ${name}, and shows it in no error`,
      async run() {
        const [subject, presented] = [await strategy(), await request()]
        const error = await refused(subject, presented)
        if (code === undefined) assert.equal(error.status, 401, `refused with ${error.code}`)
        else assert.equal(error.code, code)
        assertErrorHides(error, [...credentialsOf(subject, presented), ...secrets])
      },
    })
  }
  if (ending !== undefined) {
    cases.push({
      name: 'finds that a credential has ended when it looks again, and confuses it with no other',
      async run() {
        const [subject, request, { end, ...doomed }] = [await strategy(), await good(), await ending()]
        const [lasting, ended] = [await recognised(subject, request), await recognised(subject, doomed)]
        await end()
        assert.ok(looksAgain(subject), 'the strategy does not look again')
        const [first, second, third] = await lookAgain(subject, [lasting, ended, lasting])
        assert.ok(AuthError.is(second) && second.retry !== 'backoff', 'a credential that has ended was not refused')
        assertErrorHides(second, [...credentialsOf(subject, doomed), ...secrets])
        for (const answer of [first, third]) {
          assert.ok(!AuthError.is(answer), 'a good credential was refused along with another')
          assert.deepEqual(undated(answer), undated(lasting))
        }
      },
    })
  }
  if (unavailable !== undefined) {
    cases.push({
      name: 'refuses with AUTH_UNAVAILABLE when it cannot check, and shows the credential in no error',
      async run() {
        const request = await unavailable()
        const error = await refused(request.strategy, request)
        assert.equal(error.code, 'AUTH_UNAVAILABLE')
        assertErrorHides(error, [...credentialsOf(request.strategy, request), ...secrets])
      },
    })
  }
  return cases
}
