/** Issuing one-time tickets for a backend that has authenticated somebody by its own means. */

import { requireReach } from './caller.ts'
import { checkedBody, invalid } from './checked.ts'
import type { OperationAnswer, OperationRequest } from './operation.ts'
import type { TicketIssuer } from './options.ts'
import { Problem } from './problem.ts'
import { ticket } from './schemas.ts'

export function createIssueTicket(
  issuerOf: () => TicketIssuer | null,
): (request: OperationRequest) => Promise<OperationAnswer> {
  return async function issueTicket({ caller, body }) {
    const tickets = issuerOf()
    if (tickets === null) throw new Problem('NOT_CONFIGURED')
    const { issuer = tickets.issuer, ...claim } = checkedBody(ticket, body)
    if (issuer !== tickets.issuer) {
      throw invalid([{ pointer: '/issuer', detail: 'is not the issuer of the tickets of this gateway' }])
    }
    // Not bound to a namespace, it would admit to all of them.
    if (caller.namespaces !== null) requireReach(caller, claim.namespace ?? '', { pointer: '/namespace' })
    return { status: 201, body: await tickets.issue(claim).catch((error: unknown) => refuse(error, claim)) }
  }
}

/** What `tickets` finds wrong with a claim: it quotes the option and never its value. */
function refuse(error: unknown, claim: object): never {
  const [, option] = error instanceof TypeError ? (/^"(\w+)" /.exec(error.message) ?? []) : []
  if (option === undefined || !Object.hasOwn(claim, option)) throw error
  throw invalid([{ pointer: `/${option}`, detail: 'is not what a ticket can be bound to' }])
}
