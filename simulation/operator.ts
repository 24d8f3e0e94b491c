/** The operator: revokes, disconnects, and writes down what came back. */

import { AuthError, type RevocationKey } from 'portcullis'
import { EPOCH_MS, type Node } from './node.ts'
import type { Oracle } from './oracle.ts'
import type { Rng } from './rng.ts'
import { ISSUER, sessionName, subjectName } from './tokens.ts'
import type { World } from './world.ts'

export interface OperatorOptions {
  readonly world: World
  readonly rng: Rng
  readonly oracle: Oracle
  readonly subjects: readonly string[]
  readonly trace: (text: string) => void
  readonly violated: (what: string) => void
}

/** One order, to one node, which carries it out when it runs. */
export function giveOrder(options: OperatorOptions, node: Node): void {
  const { world, rng, oracle, subjects, trace, violated } = options
  const subject = rng.pick(subjects)
  const socket = node.held().length > 0 && rng.chance(0.2) ? rng.pick(node.held()) : null
  const session = `session-of-${subject}`
  const bySession = rng.chance(0.5)
  const key: RevocationKey = bySession ? { session } : { issuer: ISSUER, subject }
  const except = socket === null ? {} : { exceptSocket: socket.id }
  const patience = rng.chance(0.2) ? { timeoutMs: rng.between(1, 500) } : {}
  // Of the clock that issues the tokens, or of the node's own.
  const before = rng.chance(0.8) ? { issuedBefore: (EPOCH_MS + world.nowMs) / 1000 } : { issuedBefore: undefined }
  const grace = rng.chance(0.1) ? { graceMs: rng.between(1, 1_000) } : {}
  const disconnects = rng.chance(0.15)

  world.message(node.process, rng.between(0, 5), () => {
    trace(
      `${node.name} is told to ${disconnects ? 'disconnect' : 'revoke'} ${JSON.stringify({ ...key, ...except, ...before, ...grace })}`,
    )
    oracle.ordered({
      name: bySession ? sessionName(session) : subjectName(subject),
      issuedBefore: before.issuedBefore ?? node.seconds(),
      at: node.seconds(),
      effect: disconnects ? 'disconnect' : 'revoke',
    })
    const order = disconnects
      ? node.auth.disconnect(key, { ...except, ...patience })
      : node.auth.revoke(key, {
          ...except,
          ...patience,
          ...(before.issuedBefore === undefined ? {} : before),
          ...grace,
        })
    order.then(
      (receipt) => {
        const states = receipt.nodes.map(({ state }) => state).join(', ')
        trace(`${node.name} gives a receipt, ${receipt.complete ? 'complete' : 'partial'}: ${states}`)
        oracle.received(receipt)
      },
      (error) => {
        trace(`${node.name} gives no receipt: ${error}`)
        if (!AuthError.is(error)) violated(`revoke rejected with ${error}`)
      },
    )
  })
}
