/** The server of the conformance vectors, as docs/protocol-vectors.json describes it. A new one for each scenario. */

import { permit, permitIf } from 'portcullis'
import { fakeTime, start } from '../harness.ts'
import { SERVER, type Settings } from './vectors.ts'

const BRIEF_SECONDS = 60

/** @returns its address; it is closed after the test */
export async function vectorServer({ deferMs, graceMs = 0 }: Settings = {}): Promise<string> {
  const time = fakeTime()
  time.advance(SERVER.clock * 1000 - time.clock.now())
  const { io, auth, url, records } = await start({
    clock: time.clock,
    origins: [SERVER.origin],
    lease: { graceMs },
    ...(deferMs === undefined ? {} : { deferMs }),
  })
  records.clear()
  for (const [key, { subject, org, expiresAt }] of Object.entries(SERVER.credentials)) {
    records.set(key, { subject, claims: { org, scope: '' }, expiresAt })
  }

  const chat = auth.protect(io.of(SERVER.namespace), {
    events: {
      echo: () => permit(),
      publish: () => permit(),
      advance: () => permit(),
      'log out': () => permit(),
      forbidden: () => permitIf(false),
    },
    rooms: {
      'topic:{org}:{name}': ({ identity, params }) => permitIf(identity.claims.org === params.org),
      'brief:{name}': () => permit({ expiresAt: time.seconds() + BRIEF_SECONDS }),
    },
    memberships: ({ claims }) => [`org:${claims.org}`],
  })
  chat.on('connection', (socket) => {
    socket.on('echo', (value: unknown, ack: (value: unknown) => void) => ack(value))
    socket.on('publish', (room: string, news: unknown, ack: (room: string) => void) => {
      chat.to(room).emit('news', news)
      ack(room)
    })
    socket.on('advance', (seconds: number, ack?: (seconds: number) => void) => {
      ack?.(seconds)
      time.advance(seconds * 1000)
    })
    socket.on('log out', () => {
      const { issuer, subject } = socket.data.identity
      void auth.revoke({ issuer, subject })
    })
  })
  return url
}
