/** A receipt, node by node, as it is. */

import type { ReceiptInfo } from '../../source.ts'
import { count } from '../format.ts'
import { Table } from './table.tsx'

const WORDS = {
  applied: ['good', 'applied', 'its sockets were closed; later ones are refused'],
  fenced: ['late', 'fenced', 'silent for so long that it serves nobody any more'],
  pending: ['bad', 'pending', 'not shown to have applied it yet'],
} as const

export function ReceiptView({ receipt }: { receipt: ReceiptInfo }) {
  const { complete, nodes, closed, id } = receipt
  return (
    <section class="card">
      <h2>Receipt</h2>
      <p>
        <span class={`badge ${complete ? 'good' : 'bad'}`}>{complete ? 'complete' : 'not complete'}</span>{' '}
        {complete
          ? `No node serves them any more. ${count(closed)} ${closed === 1 ? 'socket was' : 'sockets were'} closed.`
          : 'It is in force, but some nodes have not been shown to apply it in time.'}
      </p>
      <Table
        label="Receipt, node by node"
        rows={nodes}
        keyOf={({ node }) => node}
        columns={[
          { head: 'Node', cell: ({ node }) => <code>{node}</code> },
          {
            head: 'State',
            cell: ({ state }) => (
              <>
                <span class={`badge ${WORDS[state][0]}`}>{WORDS[state][1]}</span>{' '}
                <span class="soft">{WORDS[state][2]}</span>
              </>
            ),
          },
          { head: 'Closed', cell: ({ closed: each }) => count(each), end: true },
        ]}
        empty="No node was listed."
      />
      <p class="soft">
        Receipt <code>{id}</code>
      </p>
    </section>
  )
}
