// @ts-check
/** F14: one connection asks for a namespace again and again. */

import { startGuarded, until } from '../processes.mjs'
import { rawSocket } from '../raw-clients.mjs'
import { fault, missedOf } from '../scenario.mjs'

export const scenario = fault({
  id: 'F14',
  fault: 'CONNECT flood on one connection',
  done: '1,000 CONNECTs with a credential that takes 50 ms to look up; and as many bad ones, each after the answer to the last',
  goal: 'at most one verification at a time, at most one socket, closed after 5 failures',
  seconds: 30,
  play: () => connectFlood({ connects: 1_000 }),
})

/** @param {{ connects: number }} options */
export async function connectFlood({ connects }) {
  const server = await startGuarded({ verifyMs: 50 })
  try {
    const atOnce = rawSocket(server.port)
    await atOnce.opened
    for (let i = 0; i < connects; i += 1) atOnce.send('40/chat,{"lookup":"good-flood"}')
    await atOnce.closed
    const flooded = await server.ask('facts')

    const inTurn = rawSocket(server.port)
    await inTurn.opened
    let refused = 0
    for (let i = 0; i < connects; i += 1) {
      const answer = await inTurn.connect({ lookup: 'bad' })
      if (answer === null) break
      refused += 1
    }
    await inTurn.closed
    await until(
      () => server.ask('counts'),
      (counts) => counts['io.engine.clientsCount'] === 0,
      5_000,
    )
    const left = await server.ask('held')
    const { verifications, admitted, complaints } = await server.ask('facts')
    const looked = `${flooded.verifications.total} of ${connects} verified, ${verifications.most} at a time, ${admitted} sockets`
    return {
      seen: `${looked}; closed after ${refused} refusals in turn`,
      missed: missedOf({
        'at most one verification at a time': verifications.most === 1,
        'at most one verification of the flood': flooded.verifications.total === 1,
        'at most one socket': admitted <= 1,
        'closed after 5 failures': refused === 5,
        'nothing left of it':
          left.counts['namespace._preConnectSockets'] === 0 && left.objects['Socket.IO sockets'] === 0,
        'no complaint': complaints.length === 0,
      }),
    }
  } finally {
    await server.stop()
  }
}
