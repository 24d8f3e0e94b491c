/** All facts that hold on every adapter, bare and guarded alike. */

import { describe } from 'vitest'
import { acknowledgements } from './facts-acknowledgements.ts'
import { connecting } from './facts-connecting.ts'
import { disconnecting } from './facts-disconnecting.ts'
import { events } from './facts-events.ts'
import { middlewares } from './facts-middlewares.ts'
import { namespaces } from './facts-namespaces.ts'
import { payloads } from './facts-payloads.ts'
import { remote } from './facts-remote.ts'
import { rooms } from './facts-rooms.ts'
import type { Kind } from './server.mjs'
import { type ClientOptions, KINDS, type Open, useStage } from './stage.ts'

const FACTS = {
  connecting,
  events,
  acknowledgements,
  payloads,
  rooms,
  remote,
  middlewares,
  namespaces,
  disconnecting,
}

interface Variation {
  /** Default: bare and guarded. */
  readonly kinds?: readonly Kind[]
  readonly clientOptions?: ClientOptions
}

/** A fact about Socket.IO is one that holds on a bare server; that it holds on a guarded one as well is what these tests are for. */
export function describeFacts(name: string, open: Open, { kinds = KINDS, clientOptions }: Variation = {}): void {
  describe.each(kinds)(`${name}, %s`, (kind) => {
    const stage = useStage(kind, open, clientOptions)
    for (const [about, facts] of Object.entries(FACTS)) describe(about, () => facts(stage))
  })
}
