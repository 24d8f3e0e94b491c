/** Servers on loopback that answer as a test says, and what came of a call to them. */

import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createRawServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { AuthError, type AuthErrorCode } from 'portcullis'
import { expect, onTestFinished } from 'vitest'
import { planted } from '../planted.ts'

export interface Backend {
  readonly origin: string
  readonly port: number
  /** Connections so far. */
  readonly connections: () => number
  /** Requests so far, with their bodies. */
  readonly requests: readonly { readonly request: IncomingMessage; readonly body: Buffer }[]
  /** Resolves when the server has no connection any more. */
  readonly idle: () => Promise<void>
}

type Listener = (request: IncomingMessage, response: Parameters<RequestListener>[1], body: Buffer) => void

/** An HTTP server, or HTTPS with `tls`, until the test ends. */
export async function backend(listener: Listener, tls?: { key: string; cert: string }): Promise<Backend> {
  const requests: { request: IncomingMessage; body: Buffer }[] = []
  const listen: RequestListener = (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks)
      requests.push({ request, body })
      listener(request, response, body)
    })
  }
  const server = tls === undefined ? createServer(listen) : createTlsServer(tls, listen)
  const { port, connections, idle } = await started(server)
  return { origin: `http${tls === undefined ? '' : 's'}://127.0.0.1:${port}`, port, connections, requests, idle }
}

/** A TCP server: `answer` gets each connection with the first bytes that came. */
export async function rawBackend(answer: (socket: Socket, text: string) => void): Promise<Backend> {
  const server = createRawServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => answer(socket, bytes.toString('latin1')))
  })
  const { port, connections, idle } = await started(server)
  return { origin: `http://127.0.0.1:${port}`, port, connections, requests: [], idle }
}

async function started(server: ReturnType<typeof createRawServer>) {
  const open = new Set<Socket>()
  const waiting = new Set<() => void>()
  let connections = 0
  server.on('connection', (socket: Socket) => {
    connections += 1
    open.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      open.delete(socket)
      if (open.size === 0) for (const resolve of waiting) resolve()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    for (const socket of open) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => connections,
    idle: () => new Promise<void>((resolve) => (open.size === 0 ? resolve() : waiting.add(resolve))),
  }
}

/** The `AuthError` that `promise` rejects with, of this code and reason, and with none of `hidden` in anything it shows. */
export async function failure(
  promise: Promise<unknown>,
  [code, reason]: readonly [AuthErrorCode, string?],
  hidden: readonly string[] = [],
): Promise<AuthError> {
  const outcome = await promise.then(
    (value) => new Error(`it did not fail: ${inspect(value)}`),
    (error: unknown) => error,
  )
  if (!AuthError.is(outcome)) throw outcome
  expect([outcome.code, ...(reason === undefined ? [] : [outcome.reason])]).toEqual(
    reason === undefined ? [code] : [code, reason],
  )
  const shown = `${inspect(outcome, { depth: 8, showHidden: true })}\n${JSON.stringify(outcome)}\n${outcome.stack}`
  for (const value of hidden) expect(shown.includes(value)).toBe(false)
  return outcome
}

/** Milliseconds that `promise` took, whatever came of it. */
export async function duration(promise: Promise<unknown>): Promise<number> {
  const start = performance.now()
  await promise.catch(() => {})
  return performance.now() - start
}

export interface Certificate {
  readonly key: string
  readonly cert: string
}

/** A certificate for 127.0.0.1 and localhost that signs itself. Other `names`, or days in the past, make a wrong one. */
export function selfSigned(names = 'DNS:localhost,IP:127.0.0.1', days = 2): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-tls-'))
  const openssl = (...words: string[]) => execFileSync('openssl', words, { cwd: folder, stdio: 'pipe' })
  try {
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', 'key.pem']
    openssl('req', ...kind, '-out', 'request.pem', '-subj', `/CN=${randomUUID()}`, '-addext', `subjectAltName=${names}`)
    const signed = ['-signkey', 'key.pem', '-days', String(days), '-copy_extensions', 'copy']
    openssl('x509', '-req', '-in', 'request.pem', ...signed, '-out', 'cert.pem')
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(join(folder, name), 'utf8'))
    return { key: key ?? '', cert: cert ?? '' }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** 32 bytes. */
export const SECRET = planted('webhook-signing-key')

/** A back end that answers every request with this, as JSON. */
export function answering(
  answer: unknown,
  headers: Readonly<Record<string, string>> = {},
  status = 200,
): Promise<Backend> {
  return backend((_request, response) => {
    response.writeHead(status, headers)
    response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
  })
}
