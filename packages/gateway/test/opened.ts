/** Gateways that run within the test, each on a configuration file of its own. */

import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import type { Refusal } from 'portcullis'
import { io, type Socket } from 'socket.io-client'
import { loadConfig } from '../src/config/load.ts'
import { type OpenGateway, openGateway } from '../src/open/open-gateway.ts'
import type { Logs } from '../src/operations/logs.ts'
import { afterTest } from './cleanups.ts'
import { overhear, planted, told } from './planted.ts'
import { temporaryFolder } from './temporary.ts'

export const SECRET = planted('hmac-secret')
export const CONTROL_KEY = planted('api-key')

export interface Opened {
  readonly gateway: OpenGateway
  readonly file: string
  readonly url: string
  readonly control: string
  readonly errors: readonly { readonly where: string; readonly error: unknown }[]
  /** Writes the file anew; the text is after `HEAD`. */
  rewrite(rest: string): Promise<void>
  /** Asks the control API. */
  ask(path: string, body: unknown): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>
}

/** One strategy: tokens of `tokenOf`. */
export const HEAD = `listen: { port: 0 }
origins: [http://app.example]
issuer: https://id.example
strategies:
  - use: jwt
    issuer: https://id.example
    audience: gateway
    secret: \${JWT_SECRET}
control:
  port: 0
  keys: [ { name: test, key: "\${CONTROL_KEY}", permissions: all } ]
`

/** @param rest what the file says after `HEAD` */
export async function openOn(rest: string, env: Record<string, string> = {}): Promise<Opened> {
  const file = join(await temporaryFolder(), 'portcullis.yaml')
  const rewrite = (text: string) => writeFile(file, HEAD + text)
  await rewrite(rest)
  const errors: { where: string; error: unknown }[] = []
  const logs: Logs = {
    info: () => {},
    warn: () => {},
    error: (error, where) => {
      told('a log of the gateway', [where, error])
      errors.push({ where, error })
    },
    decision: (decision) => told('a log of the gateway', decision),
    flush: () => {},
  }
  const given = { JWT_SECRET: SECRET, CONTROL_KEY, ...env }
  const gateway = await openGateway(await loadConfig(file, given), { env: given, logs })
  const control = `http://127.0.0.1:${gateway.controlPort}`
  const opened: Opened = {
    gateway,
    file,
    url: `http://127.0.0.1:${gateway.port}`,
    control,
    errors,
    rewrite,
    async ask(path, body) {
      const response = await fetch(control + path, {
        method: 'POST',
        headers: { authorization: `Bearer ${CONTROL_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      const answer = (await response.json()) as Record<string, unknown>
      told('an answer of the control API', answer)
      return { status: response.status, body: answer }
    },
  }
  afterTest(() => gateway.close())
  return opened
}

export async function tokenOf(subject: string, claims: Record<string, unknown> = {}): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256', planted: planted('jwt') })
    .setIssuer('https://id.example')
    .setAudience('gateway')
    .setSubject(subject)
    .setIssuedAt()
    .setExpirationTime('5m')
    .setJti(randomBytes(8).toString('hex'))
    .sign(Buffer.from(SECRET))
}

/** A client that is connected. Rejects with the refusal. */
export async function connect(
  { url }: Pick<Opened, 'url'>,
  namespace: string,
  subject: string,
  claims?: Record<string, unknown>,
): Promise<Socket> {
  const socket = io(url + namespace, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    auth: { token: await tokenOf(subject, claims) },
  })
  overhear(socket)
  afterTest(() => socket.disconnect())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', (error: Error & { data?: Refusal }) => reject(error.data ?? error))
  })
  return socket
}

export function next<T>(socket: Socket, event: string): Promise<T> {
  return new Promise((resolve) => socket.once(event, resolve))
}

/** Looks until it is so, for at most five seconds. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 5_000
  while (!(await check())) {
    if (Date.now() > endMs) throw new Error('it never was so')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
