/** What ends or changes authority: revoke, disconnect and reconcile. Done everywhere, or a 503 that says where it is not. */

import type { Receipt } from 'portcullis'
import { requireReach } from './caller.ts'
import { checkedBody } from './checked.ts'
import type { OperationAnswer, OperationRequest } from './operation.ts'
import type { ControlAuth } from './options.ts'
import { Problem } from './problem.ts'
import { disconnection, reconciliation, revocation } from './schemas.ts'

type Run = (request: OperationRequest) => Promise<OperationAnswer>

export function createEndings(auth: ControlAuth): {
  readonly revoke: Run
  readonly disconnect: Run
  readonly reconcile: Run
} {
  return {
    async revoke({ body }) {
      const { key, ...options } = checkedBody(revocation, body)
      return completed(await auth.revoke(key, options))
    },
    async disconnect({ body }) {
      const { key, ...options } = checkedBody(disconnection, body)
      return completed(await auth.disconnect(key, options))
    },
    async reconcile({ caller, body }) {
      const { target, ...options } = checkedBody(reconciliation, body)
      if (caller.namespaces !== null) {
        // A principal has sockets in every namespace.
        const { namespace } = { namespace: '', ...target }
        requireReach(caller, namespace, { pointer: namespace === '' ? '/target' : '/target/namespace' })
      }
      const found = await auth.reconcile(target, options)
      if (!found.partial) return { status: 200, body: found }
      throw new Problem('RECEIPT_INCOMPLETE', { members: { reconciliation: found } })
    },
  }
}

function completed(receipt: Receipt): OperationAnswer {
  if (receipt.complete) return { status: 200, body: receipt }
  throw new Problem('RECEIPT_INCOMPLETE', { members: { receipt } })
}
