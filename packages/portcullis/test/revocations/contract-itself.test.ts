import type { LogState, RevocationLog } from 'portcullis'
import { memory } from 'portcullis/revocations/memory'
import { type ContractStore, revocationLogContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'

/** The name of the first case that fails, or null. */
async function failure(store: () => ContractStore): Promise<string | null> {
  for (const { name, run } of revocationLogContract({ store })) {
    try {
      await run()
    } catch {
      return name
    }
  }
  return null
}

/** A correct log, to be spoilt in one way at a time. */
function spoilt(spoil: (log: RevocationLog) => Partial<RevocationLog>): () => ContractStore {
  return () => {
    const log = memory()
    const mine = { ...log, ...spoil(log) }
    return { log: () => mine }
  }
}

const answering = (change: (state: LogState, reading: boolean) => LogState) =>
  spoilt((log) => ({
    sync: async (heartbeat) => change(await log.sync(heartbeat), heartbeat.cursor !== null),
  }))

describe('revocationLogContract', () => {
  test('passes a correct log', async () => {
    expect(await failure(spoilt(() => ({})))).toBeNull()
  })

  const wrong: Readonly<Record<string, () => ContractStore>> = {
    'shared is not said': spoilt(() => ({ shared: undefined as never })),
    'an entry is missed': answering((state) => ({ ...state, entries: state.entries.slice(1) })),
    'an order is lost': answering((state) => ({ ...state, entries: [...state.entries].reverse() })),
    'the end is not said': answering((state) => ({ ...state, more: false })),
    'there is no end': answering((state) => ({ ...state, more: true })),
    'a loss is not said': answering((state) => ({ ...state, rewound: false })),
    'a loss is always said': answering((state, reading) => ({ ...state, rewound: reading })),
    'a text is spoilt': answering((state) => ({
      ...state,
      entries: state.entries.map(({ cursor, text }) => ({ cursor, text: text?.trim() ?? null })),
    })),
    'nodes are of no age': answering((state) => ({
      ...state,
      nodes: state.nodes.map((node) => ({ ...node, ageMs: 0 })),
    })),
    'the log is of no age': answering((state) => ({ ...state, ageMs: 0 })),
    'a node does not see itself': answering((state) => ({ ...state, nodes: state.nodes.slice(0, -1) })),
    'acknowledgements are mixed': answering((state) => {
      const all = new Map([...state.applied.values()].flatMap((by) => [...by]))
      return { ...state, applied: new Map([...state.applied.keys()].map((id) => [id, all])) }
    }),
    'an entry is appended late': spoilt((log) => ({
      append: async (entry) => void setTimeout(() => void log.append(entry), 1),
    })),
    'an id is appended again': spoilt((log) => ({
      append: (entry) => log.append({ ...entry, id: `${entry.id}${Math.random()}` }),
    })),
    'nobody is woken': spoilt((log) => ({ listen: (listener) => log.listen({ ...listener, appended() {} }) })),
    'nobody hears what was applied': spoilt((log) => ({
      listen: (listener) => log.listen({ ...listener, applied() {} }),
    })),
    'nobody hears a message': spoilt((log) => ({ listen: (listener) => log.listen({ ...listener, message() {} }) })),
    'who has left still hears': spoilt((log) => ({
      async listen(listener) {
        await log.listen(listener)
        return async () => {}
      },
    })),
    'who has left is known': spoilt(() => ({ leave: async () => {} })),
  }
  for (const [name, store] of Object.entries(wrong)) {
    test.concurrent(`fails a log where ${name}`, async () => {
      expect(await failure(store)).not.toBeNull()
    }, 120_000)
  }
})
