// @ts-check
/** The receipt of a revocation when one of three nodes was killed. */

import { nodeOf, portOf, startCluster } from '../cluster/start.mjs'

const WAY = 'portcullis'

/** @param {import('../settings.mjs').Settings} settings @returns {Promise<import('../table.mjs').Table>} */
export async function clusterKilled({ quick }) {
  const rounds = quick ? 1 : 3
  const outcomes = []
  for (let round = 0; round < rounds; round += 1) outcomes.push(await killAndRevoke())
  const states = [...new Set(outcomes.map((outcome) => outcome.states))].join('; ')
  return {
    name: 'cluster-killed',
    title: 'The receipt when one of three nodes was killed',
    method: `One process gets SIGKILL, then a subject is ended; no more than 5 s without the log is a node allowed. ${rounds} times.`,
    unit: 's',
    digits: 2,
    compare: 'none',
    columns: ['what the receipt says'],
    rows: [
      {
        ...{ variant: 'a client of a living node sees its close', role: 'ours', group: 'close' },
        values: outcomes.map(({ seen }) => seen),
        more: [''],
      },
      {
        ...{ variant: 'the receipt', role: 'ours', group: 'receipt' },
        values: outcomes.map(({ done }) => done),
        more: [states],
      },
    ],
    notes: ['With pub/sub and with the adapter nobody learns that a node did not answer.'],
  }
}

/** Seconds, and the states of the nodes in the receipt. */
async function killAndRevoke() {
  const { nodes, clients, stop } = await startCluster(3)
  const [port, subject] = [portOf(nodes[1], WAY), 'somebody']
  try {
    const outcome = await clients.ask('connect', { port, subject })
    if (outcome !== 'admitted') throw new Error(`a client was ${outcome}`)
    nodes[2]?.child.kill('SIGKILL')
    await nodes[2]?.child.stop()
    const seen = clients.ask('ended', { port, subject, timeoutMs: 10_000 })
    const { startedAt, doneAt, outcome: receipt } = await nodeOf(nodes[0]).ask('end', { way: WAY, subject })
    const endedAt = await seen
    if (endedAt === null || !receipt.complete) throw new Error('with a node killed, a revocation did not complete')
    const states = receipt.nodes.map((/** @type {{ state: string }} */ { state }) => state)
    return { seen: seconds(startedAt, endedAt), done: seconds(startedAt, doneAt), states: states.sort().join(', ') }
  } finally {
    await stop()
  }
}

/** @param {string} from @param {string} to nanoseconds */
function seconds(from, to) {
  return Number(BigInt(to) - BigInt(from)) / 1e9
}
