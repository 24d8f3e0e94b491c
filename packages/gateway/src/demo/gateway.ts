/** Composition root: from settings to a running server, and back. */

import type { Server as HttpServer } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { Server } from 'socket.io'
import { listen } from '../listening.ts'
import { createAccounts } from './accounts.ts'
import { createGatewayAuth, restoreRevocations } from './auth.ts'
import { type DemoLogin, demoLogins, seedDemo } from './demo.ts'
import { createHttpApp } from './http.ts'
import { createNews } from './news.ts'
import { loadSecrets } from './secrets.ts'
import { openSessions } from './sessions.ts'
import { defaultOrigins, type Settings } from './settings.ts'
import { openSockets } from './sockets.ts'
import { openStorage } from './storage.ts'
import { createTokens } from './tokens.ts'

export interface Gateway {
  readonly port: number
  readonly origins: readonly string[]
  /** Where the data are, for the operator. */
  readonly database: string
  readonly warnings: readonly string[]
  /** Null outside of demo mode. */
  readonly logins: readonly DemoLogin[] | null
  /** Resolves when something that the gateway cannot do without has ended by itself; says what. */
  readonly failed: Promise<string>
  close(): Promise<void>
}

export interface StartOptions {
  /** Folder of the built page. */
  readonly pageFolder: string
  /** Told of what no client is told; where it happened, and the error, whose message may hold values. */
  readonly onError: (error: unknown, where: string) => void
  /** Ends a start that is under way. */
  readonly signal?: AbortSignal
}

const CLOSE_GRACE_MS = 200
const CLOSE_TIMEOUT_MS = 2_000

/**
 * Opens everything in the order of cheap to dear, the port first. What was opened is closed again when a later step fails.
 *
 * @throws StartError
 */
export async function startGateway(
  settings: Settings,
  { pageFolder, onError, signal }: StartOptions,
): Promise<Gateway> {
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer().catch((error: unknown) => onError(error, 'close'))
  }
  /** What a step opened is closed with the rest, also when the start was given up meanwhile. */
  const opened = <T extends { close(): Promise<void> }>(thing: T): T => {
    closers.push(() => thing.close())
    signal?.throwIfAborted()
    return thing
  }
  try {
    const { secrets, warning } = await loadSecrets(settings.dataDir)
    const http = opened(await listen(settings))
    const origins = settings.origins ?? defaultOrigins(settings.host, http.port)
    const sessions = opened(
      await openSessions(settings.redisUrl, settings.sessionLifetimeSeconds, (error) => onError(error, 'redis')),
    )
    const storage = await openStorage(settings, opened, (error) => onError(error, 'database'), signal)
    const { database } = storage
    const accounts = createAccounts(database)
    const news = createNews(database)
    if (settings.demo) await seedDemo(database, secrets.demo)

    const tokenSecret = Buffer.from(secrets.token, 'base64url')
    const auth = createGatewayAuth({
      ...settings,
      origins,
      store: sessions.store,
      sessionSecret: secrets.session,
      tokenSecret,
      onError,
    })
    await restoreRevocations(
      auth,
      accounts,
      Math.max(settings.sessionLifetimeSeconds, settings.tokenLifetimeSeconds + 2),
    )
    const io = new Server({ serveClient: false, maxHttpBufferSize: 65_536 })
    const app = createHttpApp({
      ...settings,
      origins,
      store: sessions.store,
      sessionSecret: secrets.session,
      accounts,
      news,
      tokens: createTokens(tokenSecret, settings.tokenLifetimeSeconds),
      auth,
      announce: (item) => sockets.announce(item),
      checkHealth: async () => {
        await database.query('select 1')
      },
      pageFolder,
      onError: (error) => onError(error, 'http'),
    })
    http.server.on('error', (error) => onError(error, 'http')) // such as too many open files
    http.serve(app)
    io.attach(http.server)
    opened({ close: () => auth.close() })
    opened({ close: () => closeSockets(io, http.server) })
    const sockets = openSockets({ io, auth, accounts, news, onError })
    const logins = settings.demo ? await demoLogins(accounts, secrets.demo) : null
    signal?.throwIfAborted()
    return {
      port: http.port,
      origins,
      database: storage.place,
      warnings: [warning, storage.warning].filter((each) => each !== null),
      logins,
      failed: storage.ended,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Clients have a moment to take their last packets; then HTTP connections are cut. A client that does not answer the
 * closing handshake of its WebSocket is not waited for either.
 */
async function closeSockets(io: Server, server: HttpServer): Promise<void> {
  const late = new AbortController()
  const after = (ms: number) => delay(ms, undefined, { signal: late.signal }).catch(() => undefined)
  const closed = io.close()
  await Promise.race([closed, after(CLOSE_GRACE_MS)])
  server.closeAllConnections()
  await Promise.race([closed, after(CLOSE_TIMEOUT_MS)])
  late.abort()
}
