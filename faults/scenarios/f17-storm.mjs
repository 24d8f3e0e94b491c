// @ts-check
/** F17: a gateway is killed under its clients, and they come back all at once. */

import { load } from '../../packages/gateway/load/load.mjs'
import { failuresOf } from '../../packages/gateway/load/table.mjs'
import { fault, ms } from '../scenario.mjs'

export const scenario = fault({
  id: 'F17',
  fault: 'one of two gateways is killed by -9 under 5,000 clients',
  done: 'they reconnect; every tenth has a bad credential and never gives up (quick: 400 clients)',
  goal: 'at most one question to the backend about each credential, all good ones back within 30 s',
  seconds: 300,
  async play({ quick, log }) {
    const report = await load({ clients: quick ? 400 : 5_000, end: 'kill', seconds: 60, log })
    const { questions, backAfterMs, movedOfNode, admittedWrongly } = report
    const back = `${movedOfNode} of ${report.clients} back after ${ms(backAfterMs)}`
    const asked = `${questions.questions} questions about ${questions.credentials} credentials, ${questions.mostOfOne} at most about one`
    return { seen: `${back}; ${asked}; ${admittedWrongly} wrongly admitted`, missed: failuresOf(report) }
  },
})
