/** Signals that come while a gateway starts. */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { temporaryFolder } from './temporary.ts'

const BIN = fileURLToPath(new URL('../dist/bin.js', import.meta.url))

it('SIGHUP while it starts does not end it, and SIGTERM then ends it in order', async () => {
  // A PostgreSQL that takes the connection and says nothing.
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const file = join(await temporaryFolder(), 'portcullis.yaml')
  await writeFile(
    file,
    `listen: { port: 0 }
origins: [http://app.example]
issuer: https://id.example
strategies: [ { use: jwt, issuer: https://id.example, audience: chat, secret: "\${JWT_SECRET}" } ]
postgres: { url: "postgres://127.0.0.1:${(silent.address() as AddressInfo).port}/x" }
namespaces: { /chat: { connect: true } }
`,
  )
  const child = spawn(process.execPath, [BIN, 'start', file], {
    env: { PATH: process.env.PATH ?? '', JWT_SECRET: randomBytes(32).toString('hex') },
    stdio: 'ignore',
  })
  try {
    const ended = once(child, 'exit')
    const [socket] = (await once(silent, 'connection')) as [Socket]
    socket.on('error', () => undefined)
    child.kill('SIGHUP')
    child.kill('SIGTERM')
    expect(await ended).toEqual([0, null])
    socket.destroy()
  } finally {
    child.kill('SIGKILL')
    silent.close()
  }
}, 20_000)
