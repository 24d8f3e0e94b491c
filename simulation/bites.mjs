// @ts-check
/** Defects put in on purpose: a simulation that does not find them would prove nothing. */

/** @typedef {import('./bundle.mjs').Bite & { readonly what: string, readonly first: number, readonly within: number, readonly rare?: true }} KnownBite `first`: the seed to begin with; `within`: seeds to find it; `rare`: found in few seeds, which are others whenever the code changes, so that looking takes minutes: `npm run simulate -- --bites` */

/** @type {readonly KnownBite[]} */
export const BITES = [
  {
    name: 'fact-1-recovery-unguarded',
    what: 'DESIGN.md, fact 1: a session is restored, and missed packets are written, before anybody is asked',
    first: 0,
    within: 500,
    changes: [
      {
        file: 'server/recovery-keeper.ts',
        from: '  adapter.restoreSession = () => null\n  adapter.persistSession = () => {}\n',
        to: '  return null\n',
      },
    ],
  },
  {
    name: 'fact-3-connecting-missed',
    what: 'DESIGN.md, fact 3: a revocation ends connected sockets alone, as disconnectSockets does',
    first: 0,
    within: 500,
    changes: [
      {
        file: 'server/revoke.ts',
        from: "if (entry.ended !== null || entry.state === 'closed') return false",
        to: "if (entry.ended !== null || entry.state !== 'connected') return false",
      },
    ],
  },
  {
    name: 'fact-4-fire-and-forget',
    what: 'DESIGN.md, fact 4: whoever does not hear the message never does, and nobody stops by himself',
    first: 0,
    within: 100,
    changes: [
      {
        file: 'server/follower.ts',
        from: '    cursor = at\n',
        to: '    cursor = at\n    if (Math.random() < 0.3) continue\n',
      },
      {
        file: 'server/follower.ts',
        from: 'if (!log.shared || monotonicMs(clock) < freshUntilMs) return true',
        to: 'return true',
      },
    ],
  },
  {
    name: 'no-fence',
    what: 'a node that cannot hear goes on serving',
    first: 0,
    within: 100,
    changes: [
      {
        file: 'server/follower.ts',
        from: 'if (!log.shared || monotonicMs(clock) < freshUntilMs) return true',
        to: 'return true',
      },
    ],
  },
  {
    name: 'fence-too-early',
    what: 'a receipt leaves out the tenth for clocks of another speed',
    rare: true,
    first: 0,
    within: 3_000,
    changes: [{ file: 'server/receipts.ts', from: 'const DRIFT = 1.1', to: 'const DRIFT = 1' }],
  },
  {
    name: 'looked-up-before-tracked',
    what: 'a revocation between look-up and tracking is lost',
    first: 0,
    within: 500,
    changes: [
      { file: 'server/authorize.ts', from: '  guard.registry.track(entry)\n', to: '' },
      {
        file: 'server/authorize.ts',
        from: '    const ended = endOfEntry(guard, entry)\n',
        to: '    guard.registry.track(entry)\n    const ended = endOfEntry(guard, entry)\n',
      },
    ],
  },
  {
    name: 'nodes-of-before',
    what: 'a receipt counts the nodes that there were before the entry was durable',
    rare: true,
    first: 0,
    within: 3_000,
    changes: [{ file: 'server/receipts.ts', from: 'askedMs >= sinceMs && ', to: '' }],
  },
  {
    name: 'more-ignored',
    what: 'a node that has read a page believes that it has read all',
    first: 0,
    within: 1_000,
    changes: [{ file: 'server/follower.ts', from: '    if (!found.more) {\n', to: '    {\n' }],
  },
  {
    name: 'grace-by-another-clock',
    what: 'where the clock is behind, a revocation without a grace has one',
    first: 0,
    within: 100,
    changes: [
      { file: 'server/revoke.ts', from: 'Math.min(given.at, now) + given.graceMs', to: 'given.at + given.graceMs' },
    ],
  },
  {
    name: 'nodes-lost-with-the-log',
    what: 'a log that was emptied has lost its nodes too, and a receipt leaves them out',
    rare: true,
    first: 0,
    within: 3_000,
    changes: [{ file: 'server/receipts.ts', from: ' && listedInMs() <= 0', to: '' }],
  },
  {
    name: 'emptied-before-the-first-look',
    what: 'a node that starts on a log that was emptied believes its list of nodes',
    rare: true,
    first: 0,
    within: 3_000,
    changes: [
      {
        file: 'server/receipts.ts',
        from: 'const ageMs = state.rewound ? 0 : Math.max(0, state.ageMs)',
        to: 'const ageMs = state.rewound ? 0 : Number.POSITIVE_INFINITY',
      },
    ],
  },
  {
    name: 'heartbeats-lost',
    what: 'a receipt believes a log that failed over, and lost heartbeats, how long a node has been silent',
    rare: true,
    first: 0,
    within: 3_000,
    changes: [{ file: 'server/receipts.ts', from: '2 * fenceMs - silentMs(state)', to: 'fenceMs - silentMs(state)' }],
  },
  {
    name: 'said-after-a-pause',
    what: 'a process that was paused says something to a socket before its timer has hidden it',
    rare: true,
    first: 0,
    within: 3_000,
    changes: [{ file: 'server/event-gate.ts', from: '    watchSpeech(entry.socket, guard.isFresh)\n', to: '' }],
  },
  {
    name: 'lost-behind-ones-back',
    what: 'a store fails over before the entry that it took was read',
    rare: true,
    first: 0,
    within: 3_000,
    changes: [{ file: 'server/follower.ts', from: '        unread.set(id, entry)\n', to: '' }],
  },
]
