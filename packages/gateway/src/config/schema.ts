/** The whole configuration file. */

import { z } from 'zod'
import { PERMISSIONS } from '../control/caller.ts'
import { createLeaves, type Environment } from './leaves.ts'
import { namespacesSchema } from './namespaces.ts'
import { strategySchema } from './strategies.ts'

/** The schema over one environment. Its input side is what the file holds, its output what the gateway runs on. */
export function configSchema(env: Environment) {
  const leaves = createLeaves(env)
  const { text, integer, flag, secret } = leaves
  const origin = z.string().refine(isOrigin, 'must be an origin as browsers send it, such as https://app.example')
  const url = (protocols: readonly string[]) =>
    text(z.string().refine((value) => isUrl(value, protocols), `must be a URL of ${protocols.join(' or ')}`))
  const address = (port: number) => ({
    host: text(z.string().regex(/^[A-Za-z0-9.:_-]+$/, 'must be an address or a host name')).default('127.0.0.1'),
    port: integer(0, 65_535, '0 takes a free one.').default(port),
  })
  const permissions = z.union([z.literal('all'), z.array(z.enum(PERMISSIONS)).min(1)])

  return z.strictObject({
    listen: z
      .strictObject({
        ...address(3000),
        path: text(z.string().regex(/^\/[\w./-]*$/)).default('/socket.io'),
        maxMessageBytes: integer(1_024, 100_000_000).default(100_000),
      })
      .prefault({}),
    origins: z
      .union(
        [
          z.literal('same-host'),
          z.array(text(origin)).min(1),
          text(
            z
              .string()
              .refine(
                (value) => value.split(',').every((each) => isOrigin(each.trim())),
                'must be origins, separated by commas',
              ),
          ).transform((value) => value.split(',').map((each) => each.trim())),
        ],
        'must be a list of origins, such as https://app.example, or same-host',
      )
      .describe('Pages that may connect.'),
    trustedProxies: z.array(text()).default([]).describe('Addresses or ranges whose X-Forwarded-For is believed.'),
    requireSecure: flag('Refuse what came without TLS.').default(false),
    allowReferer: flag().default(false),
    issuer: text().optional().describe('For strategies that name none.'),
    redis: z
      .strictObject({ url: url(['redis:', 'rediss:']) })
      .optional()
      .describe('Sessions, tickets, emitters, and the other nodes.'),
    postgres: z
      .strictObject({ url: url(['postgres:', 'postgresql:']), poolSize: integer(1, 100).default(10) })
      .optional(),
    nodes: z
      .strictObject({
        secret: secret(32, 'Seals what nodes tell each other.'),
        prefix: text(z.string().regex(/^[\w:.-]{1,64}$/, 'must be letters, digits, and :._-')).default('portcullis'),
        maxStalenessMs: integer(500, 600_000).optional(),
        suspendedForMs: integer(0, 86_400_000).optional(),
      })
      .optional()
      .describe(
        'Several nodes, on the Redis of `redis`: one setting for adapter, revocation log, presence and tickets.',
      ),
    strategies: z.array(strategySchema(leaves)).min(1).describe('Asked in order.'),
    signing: z.strictObject({ pusher: z.array(z.strictObject({ key: text(), secret: secret(16) })).min(1) }).optional(),
    hooks: z
      .strictObject({
        url: url(['http:', 'https:']),
        secret: z.union([secret(32), z.array(secret(32)).min(1)]),
        timeoutMs: integer(50, 30_000).default(2_000),
        batchSize: integer(1, 500).default(50),
        batchWaitMs: integer(0, 1_000).default(5),
        allowPrivateAddresses: flag('Whether the name may resolve to a private address.').default(false),
        allowHttp: flag('Whether http: may go to another host than this one.').default(false),
      })
      .optional()
      .describe('The HTTP backend that is asked.'),
    namespaces: namespacesSchema(leaves),
    limits: z.record(z.string(), z.number()).optional().describe('As `limits` of createAuth.'),
    lease: z.record(z.string(), z.number()).optional().describe('As `lease` of createAuth.'),
    singleConnection: flag().default(false),
    emitters: z
      .strictObject({
        key: text().default('socket.io'),
        legacy: flag("Whether the older PHP emitter's channel is heard.").default(true),
        secret: secret(32).optional().describe('Only signed emissions are then heard.'),
        commands: z
          .array(z.enum(['emit', 'disconnect', 'join', 'leave']))
          .min(1)
          .default(['emit', 'disconnect']),
      })
      .optional()
      .describe('Emitters that publish to `redis`. Whoever can publish there can emit and disconnect.'),
    control: z
      .strictObject({
        ...address(3001),
        keys: z
          .array(
            z.strictObject({
              name: text(),
              key: secret(32),
              permissions,
              namespaces: z.array(z.string()).min(1).optional(),
            }),
          )
          .default([]),
        jwt: z
          .strictObject({
            issuer: text(),
            audience: text(),
            jwks: url(['http:', 'https:']).optional(),
            secret: secret(32).optional(),
          })
          .optional(),
        requestsPerSecond: integer(1, 100_000).optional(),
      })
      .optional()
      .describe('The control API, /metrics and the inspector, on a port of their own.'),
    inspector: z
      .strictObject({
        path: text(z.string().regex(/^\/[\w-]+$/)).default('/inspector'),
        secret: secret(32, 'Signs its session cookie.'),
        users: z
          .array(z.strictObject({ name: text(), passwordHash: secret(16), mayRevoke: flag().default(false) }))
          .min(1),
        sessionSeconds: integer(60, 86_400).default(3_600),
        public: flag('Whether it stands on the public port too.').default(false),
      })
      .optional(),
    logs: z
      .strictObject({
        level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
        decisions: z.enum(['none', 'denied', 'all']).default('denied'),
      })
      .prefault({}),
    decisions: z.strictObject({ keep: integer(16, 1_000_000).default(4_096) }).prefault({}),
    recovery: z
      .strictObject({ maxDisconnectionMs: integer(1_000, 3_600_000).default(120_000) })
      .optional()
      .describe(
        'What a client missed while it was away is sent to it, as far as it may still see it (connectionStateRecovery).',
      ),
    drain: z.strictObject({ overMs: integer(0, 600_000).default(10_000) }).prefault({}),
    shadow: text().optional().describe('Another file, whose namespaces are asked beside these and never answer.'),
  })
}

/** What the gateway runs on. */
export type Config = z.output<ReturnType<typeof configSchema>>

function isOrigin(value: string): boolean {
  return URL.canParse(value) && /^https?:/.test(value) && new URL(value).origin === value
}

function isUrl(value: string, protocols: readonly string[]): boolean {
  // PostgreSQL's own form for a socket has no host: postgres://user:password@/database?host=/run/postgresql
  const parsed = [value, value.replace('@/', '@localhost/')].find((each) => URL.canParse(each))
  return parsed !== undefined && protocols.includes(new URL(parsed).protocol)
}
