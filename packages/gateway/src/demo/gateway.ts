/** The demo: a gateway on its own configuration file, and beside it, in one process, a backend that it asks over HTTP. */

import type { Auth } from 'portcullis'
import type { Server } from 'socket.io'
import { loadConfig } from '../config/load.ts'
import { listen } from '../listening.ts'
import type { Opened } from '../open/means.ts'
import { openGateway } from '../open/open-gateway.ts'
import type { Logs } from '../operations/logs.ts'
import { packageFile } from '../package-files.ts'
import { createAccounts } from './accounts.ts'
import { restoreRevocations } from './auth.ts'
import { type DemoLogin, demoLogins, seedDemo } from './demo.ts'
import { deriveSecrets } from './derived.ts'
import { backendRoute, roomOf } from './hooks.ts'
import { createHttpApp } from './http.ts'
import { createNews } from './news.ts'
import { loadSecrets } from './secrets.ts'
import { openSessions } from './sessions.ts'
import { defaultOrigins, type Settings } from './settings.ts'
import { openStorage } from './storage.ts'
import { createTokens } from './tokens.ts'

export interface Gateway {
  readonly port: number
  /** The control API, the metrics and the inspector. */
  readonly controlPort: number
  /** For the control API. */
  readonly controlKey: string
  readonly inspector: { readonly name: string; readonly password: string }
  readonly origins: readonly string[]
  /** Where the data are, for the operator. */
  readonly database: string
  readonly warnings: readonly string[]
  /** Null outside of demo mode. */
  readonly logins: readonly DemoLogin[] | null
  /** Resolves when something that the gateway cannot do without has ended by itself; says what. */
  readonly failed: Promise<string>
  /** Reads the policy anew. */
  reload(): Promise<unknown>
  drain(): Promise<void>
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
  let closing = false
  const close = async () => {
    closing = true
    for (const closer of closers.splice(0).reverse()) await closer().catch((error: unknown) => onError(error, 'close'))
  }
  /** What a step opened is closed with the rest, also when the start was given up meanwhile. */
  const opened: Opened = (thing) => {
    closers.push(() => thing.close())
    signal?.throwIfAborted()
    return thing
  }
  try {
    const { secrets, warning } = await loadSecrets(settings.dataDir)
    const derived = await deriveSecrets(secrets)
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

    let live: { readonly auth: Auth; readonly io: Server } | null = null
    const running = () => {
      if (live === null) throw new Error('the gateway is starting')
      return live
    }
    const app = createHttpApp({
      ...settings,
      origins,
      store: sessions.store,
      sessionSecret: secrets.session,
      accounts,
      news,
      tokens: createTokens(Buffer.from(secrets.token), settings.tokenLifetimeSeconds),
      auth: () => running().auth,
      announce: (item) => running().io.of('/news').to(roomOf(item.organization)).emit('news', item),
      backend: backendRoute({
        secret: Buffer.from(derived.hook),
        accounts,
        news,
        auth: () => running().auth,
        onError,
      }),
      checkHealth: async () => {
        await database.query('select 1')
      },
      pageFolder,
      onError: (error) => onError(error, 'http'),
    })
    const file = packageFile('demo', 'portcullis.yaml')
    const env = {
      HOST: settings.host,
      PORT: String(http.port),
      CONTROL_PORT: String(settings.controlPort),
      ORIGINS: origins.join(','),
      BACKEND: `http://${loopbackOf(settings.host)}:${http.port}`,
      // The demo has opened its database itself.
      DATABASE_URL: settings.databaseUrl ?? 'postgres://embedded',
      TOKEN_SECRET: secrets.token,
      SESSION_SECRET: secrets.session,
      HOOK_SECRET: derived.hook,
      CONTROL_KEY: derived.control,
      INSPECTOR_SECRET: derived.inspector,
      INSPECTOR_PASSWORD_HASH: derived.inspectorPasswordHash,
      TOKEN_LIFETIME_SECONDS: String(settings.tokenLifetimeSeconds),
      SESSION_LIFETIME_SECONDS: String(settings.sessionLifetimeSeconds),
    }
    const gateway = opened(
      await openGateway(await loadConfig(file, env, true), {
        env,
        logs: quietLogs(onError, () => closing),
        listening: http,
        app,
        sessionStore: sessions.store,
        pool: database.pool,
        title: 'Organization news',
        ...(signal === undefined ? {} : { signal }),
      }),
    )
    live = gateway
    const longest = Math.max(settings.sessionLifetimeSeconds, settings.tokenLifetimeSeconds + 2)
    await restoreRevocations(gateway.auth, accounts, longest)
    const logins = settings.demo ? await demoLogins(accounts, secrets.demo) : null
    signal?.throwIfAborted()
    return {
      port: gateway.port,
      controlPort: gateway.controlPort ?? 0,
      controlKey: derived.control,
      inspector: { name: 'operator', password: derived.inspectorPassword },
      origins,
      database: storage.place,
      warnings: [warning, storage.warning].filter((each) => each !== null),
      logins,
      failed: storage.ended,
      reload: gateway.reload,
      drain: gateway.drain,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** The backend is this very process: it is asked by the way that stays on this machine. */
function loopbackOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** The demo is watched at a terminal: it says what went wrong, and nothing else. */
function quietLogs(onError: StartOptions['onError'], isClosing: () => boolean): Logs {
  const error: Logs['error'] = (cause, where) => {
    // The backend is this process: while it ends, nobody is there to hear that its own sockets are gone.
    if (!(isClosing() && /notices? of hooks/.test(where))) onError(cause, where)
  }
  return { info: () => {}, warn: () => {}, error, decision: () => {}, flush: () => {} }
}
