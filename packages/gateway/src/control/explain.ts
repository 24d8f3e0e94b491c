/** `explain`: why something was decided, or whether somebody may do something, by the live rules. */

import type { Auth } from 'portcullis'
import { checkedBody, invalid } from './checked.ts'
import type { OperationAnswer, OperationRequest } from './operation.ts'
import { question } from './schemas.ts'

/** Changes nothing: nobody joins, nothing is counted. The answer names rules, and no claim's value. */
export function createExplain({
  explain,
}: Pick<Auth, 'explain'>): (request: OperationRequest) => Promise<OperationAnswer> {
  return async function explainIt({ body }) {
    const asked = checkedBody(question, body)
    try {
      return { status: 200, body: await explain(asked) }
    } catch (error) {
      if (error instanceof TypeError) throw invalid([{ pointer: '', detail: error.message }])
      throw error
    }
  }
}
