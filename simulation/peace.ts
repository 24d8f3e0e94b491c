/** What must be so once every fault has ended: all nodes agree, whoever may connect can, and nothing is left behind. */

import type { Revocation } from '../packages/portcullis/src/core/revocation.ts'
import type { Packet } from './engine.ts'
import { EPOCH_MS, type Node } from './node.ts'
import type { Rng } from './rng.ts'
import { ISSUER, type Token, type Tokens } from './tokens.ts'
import type { World } from './world.ts'

export interface PeaceOptions {
  readonly world: World
  readonly rng: Rng
  readonly nodes: readonly Node[]
  readonly tokens: Tokens
  /** Every revocation that a node has had in force. */
  readonly binding: readonly Revocation[]
  readonly run: (endMs: number) => Promise<void>
  readonly violated: (what: string) => void
  readonly failed: () => boolean
  readonly trace: (text: string) => void
}

const SAMPLES = 3
const STILL = Symbol('still')
const LATER_SECONDS = 1_000_000

/** Asks every node, and closes it. */
export async function inspectAtRest(options: PeaceOptions): Promise<void> {
  const { world, nodes, run, violated } = options
  const verdicts: (() => void)[] = []
  for (const node of nodes) {
    verdicts.push(expectVerdict(options, node, clean(options, node), 'admitted'))
    for (const [entry, token] of dead(options)) verdicts.push(expectVerdict(options, node, token, entry.id))
  }
  await run(world.nowMs + 1_000)
  for (const verdict of verdicts) verdict()
  if (options.failed()) return
  await run(world.nowMs + 100)
  const closing = nodes.map((node) => {
    let closed: Promise<void> | undefined
    world.message(node.process, 0, () => {
      closed = node.close()
    })
    return () => closed
  })
  await run(world.nowMs + 10_000)
  for (const [i, close] of closing.entries()) {
    const closed = await Promise.race([close(), new Promise((resolve) => setImmediate(resolve, STILL))])
    if (closed === STILL) violated(`${nodes[i]?.name} does not close`)
  }
  for (const { name, process } of nodes) {
    if (process.timers > 0) violated(`${name} left ${process.timers} timers behind`)
  }
}

function clean({ tokens, world }: PeaceOptions, { name }: Node): Token {
  return tokens.issue(`probe-of-${name}`, name, (EPOCH_MS + world.nowMs) / 1000 + LATER_SECONDS, null)
}

/** Credentials that a revocation covers, of a few revocations. */
function dead({ binding, tokens, rng }: PeaceOptions): [Revocation, Token][] {
  if (binding.length === 0) return []
  return Array.from({ length: SAMPLES }, () => {
    const entry = rng.pick(binding)
    const subject = entry.name.startsWith('subject:')
      ? (JSON.parse(entry.name.slice('subject:'.length)) as string[])[1]
      : undefined
    const session = ['user-0', 'user-1', 'user-2'].map((user) => `session-of-${user}`)
    const before = entry.issuedBefore - 0.001
    const candidates =
      subject === undefined
        ? session.map((one) => tokens.issue('nobody', one, before, null))
        : [tokens.issue(subject, 'none', before, null)]
    const token = candidates.find(({ names }) => names.includes(entry.name)) as Token
    return [entry, token]
  })
}

/** `expected` is `admitted`, or the id of the revocation that refuses. The returned function tells what came of it. */
function expectVerdict({ violated, trace }: PeaceOptions, node: Node, token: Token, expected: string): () => void {
  let verdict = 'silence'
  const end = node.connect({
    token,
    inHeader: false,
    opened: () => end.send({ type: 0, nsp: '/chat', data: { token: token.value } }),
    heard(packet: Packet) {
      if (packet.type === 0) verdict = 'admitted'
      else if (packet.type === 4) verdict = (packet.data as { data: { code: string } }).data.code
      else return
      trace(`${node.name}, asked about ${token.value}: ${verdict}`)
      end.hangUp()
    },
    refused(answer) {
      verdict = answer.split('\r\n', 1)[0] ?? ''
    },
    closed() {},
  })
  const wanted = expected === 'admitted' ? expected : 'AUTH_REVOKED'
  return () => {
    if (verdict !== wanted)
      violated(`at rest, ${node.name} answers ${verdict} and not ${wanted} (${ISSUER}: ${expected})`)
  }
}
