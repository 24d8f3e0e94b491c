/** What an outside review found: other facades that give their sockets a view of the request, and how `listen` was called. */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import jwt from 'jsonwebtoken'
import { type HandshakeData, type LegacyServer, legacyServer, listen } from 'portcullis/compat/socketio-0.9'
import { authenticate } from 'portcullis/compat/socketio-jwt-auth'
import { io as connectTo } from 'socket.io-client'
import { describe, expect, it } from 'vitest'
import { onCleanup } from '../../harness.ts'
import { CLIENTS, connection, heard, run } from './setup.ts'

const SECRET = 'the secret of this test, which is long enough'
const auth_token = jwt.sign({ sub: 'alice' }, SECRET, { expiresIn: 60 })

describe.each(CLIENTS)('with socket.io-client %i', (_version, connect) => {
  it.each(['before', 'after'])(
    'socketio-jwt-auth may stand %s it: socket.handshake keeps what was put on it',
    async (where) => {
      const server = await run()
      const jwtAuth = authenticate({ secret: SECRET }, (payload, done) => done(null, { id: payload.sub }))
      if (where === 'before') server.io.use(jwtAuth)
      legacyServer(server.io).set('authorization', (handshakeData, callback) => {
        handshakeData.foo = true
        callback(null, true)
      })
      if (where === 'after') server.io.use(jwtAuth)
      const connected = connection(server.io)
      expect(await heard(server.client(connect, '/', { query: { auth_token } }))).toBe('connect')
      const { handshake, request } = await connected
      expect((handshake as unknown as HandshakeData).foo).toBe(true)
      expect(request).toMatchObject({ user: { id: 'alice', logged_in: true } })
    },
  )
})

describe('listen', () => {
  it.each([
    ['a port and a function', (told: () => void) => listen(0, told)],
    ['a port, options and a function', (told: () => void) => listen(0, { cors: {} }, told)],
    ['a port, nothing and a function', (told: () => void) => listen(0, undefined, told)],
    ['a port, null and a function', (told: () => void) => listen(0, null, told)],
  ])('calls the function once it listens: %s', async (_name, begin) => {
    const server = await new Promise<LegacyServer>((resolve) => {
      const begun: LegacyServer = begin(() => resolve(begun))
    })
    onCleanup(() => server.io.close())
    expect((server.server.address() as AddressInfo).port).toBeGreaterThan(0)
  })

  it('with a key and a port speaks TLS, as it did', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'portcullis-'))
    onCleanup(() => rm(folder, { recursive: true }))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')] as const
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']
    await promisify(execFile)('openssl', [...request, '-subj', '/CN=localhost', '-keyout', key, '-out', cert])
    const secure: unknown[] = []
    const server = await new Promise<LegacyServer>((resolve, reject) => {
      const options = { key: readFileSync(key), cert: readFileSync(cert) }
      const begun: LegacyServer = listen(0, options, () => resolve(begun))
      begun.server.on('error', reject)
    })
    onCleanup(() => server.io.close())
    server.set('authorization', (handshakeData, callback) => {
      secure.push(handshakeData.secure)
      callback(null, true)
    })
    const { port } = server.server.address() as AddressInfo
    const client = connectTo(`https://localhost:${port}`, {
      rejectUnauthorized: false,
      reconnection: false,
      forceNew: true,
    })
    onCleanup(() => void client.disconnect())
    expect(await heard(client)).toBe('connect')
    expect(secure).toEqual([true])
  })
})
