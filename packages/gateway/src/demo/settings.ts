/** Settings: the environment, checked once, with one line for each mistake. */

import { resolve } from 'node:path'
import { z } from 'zod'
import { StartError } from '../start-error.ts'

export interface Settings {
  /** 0 takes a free port. */
  readonly port: number
  /** Of the control API, the metrics and the inspector; 0 takes a free one. */
  readonly controlPort: number
  readonly host: string
  /** Absolute. */
  readonly dataDir: string
  readonly databaseUrl: string | null
  readonly redisUrl: string | null
  /** Creates three users in an empty database and prints their passwords. */
  readonly demo: boolean
  /** Null: derived from host and port once the port is known. */
  readonly origins: readonly string[] | null
  readonly tokenLifetimeSeconds: number
  readonly sessionLifetimeSeconds: number
}

const MAX_LIFETIME_SECONDS = 30 * 24 * 3600

const schema = z.object({
  PORT: integer(0, 65_535, 3000),
  CONTROL_PORT: integer(0, 65_535, null),
  HOST: z
    .string()
    .regex(/^[A-Za-z0-9.:_-]+$/, 'must be an address or a host name, such as 127.0.0.1')
    .default('127.0.0.1'),
  DATA_DIR: z.string().default('data'),
  DATABASE_URL: url(['postgres:', 'postgresql:'], 'must look like postgres://user:password@host:5432/database'),
  REDIS_URL: url(['redis:', 'rediss:'], 'must look like redis://host:6379'),
  DEMO: z.enum(['0', '1'], 'must be 0 or 1').optional(),
  ORIGINS: z.string().transform(toOrigins).optional(),
  TOKEN_LIFETIME_SECONDS: integer(1, MAX_LIFETIME_SECONDS, 300),
  SESSION_LIFETIME_SECONDS: integer(1, MAX_LIFETIME_SECONDS, 8 * 3600),
})

/**
 * Reads the settings. A variable that is empty counts as not set. `DEMO` is on unless `DATABASE_URL` is given: nobody's
 * own database gets demo users by accident.
 *
 * @throws StartError with one line for each wrong variable; never quotes a value, which may hold a password
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>, cwd: string): Settings {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value.trim() !== ''),
  )
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    throw new StartError(parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`).join('\n'))
  }
  const { data } = parsed
  return Object.freeze({
    port: data.PORT,
    // A free one where the other is: somebody runs several side by side.
    controlPort: data.CONTROL_PORT ?? (data.PORT === 0 ? 0 : Math.min(65_535, data.PORT + 1)),
    host: data.HOST,
    dataDir: resolve(cwd, data.DATA_DIR),
    databaseUrl: data.DATABASE_URL ?? null,
    redisUrl: data.REDIS_URL ?? null,
    demo: data.DEMO === undefined ? data.DATABASE_URL === undefined : data.DEMO === '1',
    origins: data.ORIGINS ?? null,
    tokenLifetimeSeconds: data.TOKEN_LIFETIME_SECONDS,
    sessionLifetimeSeconds: data.SESSION_LIFETIME_SECONDS,
  })
}

/** The origins under which a browser on this machine sees the gateway. */
export function defaultOrigins(host: string, port: number): readonly string[] {
  const names = [host.includes(':') ? `[${host}]` : host, 'localhost']
  if (host === '0.0.0.0' || host === '::') names.push('127.0.0.1')
  return [...new Set(names.map((name) => new URL(`http://${name}:${port}`).origin))]
}

function integer<F extends number | null>(min: number, max: number, fallback: F): z.ZodType<number | F> {
  const message = `must be a whole number from ${min} to ${max}`
  return z
    .string()
    .regex(/^\d{1,10}$/, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message))
    .default(fallback as number) as unknown as z.ZodType<number | F>
}

function url(protocols: readonly string[], message: string): z.ZodOptional<z.ZodString> {
  const isUrl = (value: string) => URL.canParse(value) && protocols.includes(new URL(value).protocol)
  // PostgreSQL's own form for a socket has no host: postgres://user:password@/database?host=/run/postgresql
  return z
    .string()
    .refine((value) => isUrl(value) || isUrl(value.replace('@/', '@localhost/')), message)
    .optional()
}

function toOrigins(value: string, context: z.RefinementCtx<string>): readonly string[] {
  const origins = value.split(',').map((entry) => entry.trim())
  for (const origin of origins) {
    if (!URL.canParse(origin) || !/^https?:/.test(origin) || new URL(origin).origin !== origin) {
      context.addIssue('must be a comma-separated list of origins, such as https://app.example')
      return z.NEVER
    }
  }
  return origins
}
