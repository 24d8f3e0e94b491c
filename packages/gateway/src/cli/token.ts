/** `token`: mints and inspects JSON Web Tokens for a file's own strategies. */

import { randomUUID } from 'node:crypto'
import { parseArgs } from 'node:util'
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import { loadConfig } from '../config/load.ts'
import type { StrategyConfig } from '../config/strategies.ts'
import { type Command, jsonOption, requiredOption, type Terminal, UsageError } from './command.ts'

type JwtConfig = Extract<StrategyConfig, { use: 'jwt' }>

export const TOKEN_HELP = `portcullis-gateway token mint FILE --subject SUBJECT [--claims JSON] [--seconds 300] [--issuer ISSUER]
  Prints a token for the strategy "jwt" of FILE that has a "secret".
portcullis-gateway token inspect [FILE] < token
  Prints what a token says, and, with FILE, which of its strategies would take it. Reads standard input: a token on a
  command line ends up in the history of the shell.`

export const token: Command = async (args, terminal) => {
  const [verb, ...rest] = args
  if (verb === 'mint') return mint(rest, terminal)
  if (verb === 'inspect') return inspect(rest, terminal)
  throw new UsageError('token takes mint or inspect')
}

async function mint(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      subject: { type: 'string' },
      claims: { type: 'string' },
      seconds: { type: 'string', default: '300' },
      issuer: { type: 'string' },
    },
    allowPositionals: true,
  })
  const strategies = await jwtsOf(positionals, terminal)
  const strategy = strategies.find(
    ({ secret, issuer }) => secret !== undefined && (values.issuer === undefined || values.issuer === issuer),
  )
  if (strategy === undefined) throw new UsageError('the file has no strategy "jwt" with a "secret" (and that issuer)')
  const subject = requiredOption(values.subject, 'subject')
  const seconds = Number(values.seconds)
  const longest = strategy.maxLifetimeSeconds ?? 86_400
  if (!Number.isSafeInteger(seconds) || seconds < 1 || seconds > longest) {
    throw new UsageError(`--seconds must be a whole number from 1 to ${longest}, which the strategy accepts`)
  }
  const claims = jsonOption(values.claims, 'claims') ?? {}
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims))
    throw new UsageError('--claims must be a JSON object')
  const now = Date.now() / 1000
  const [secret = ''] = [strategy.secret ?? ''].flat()
  const signed = await new SignJWT(claims as Record<string, unknown>)
    .setProtectedHeader({ alg: strategy.algorithms?.[0] ?? 'HS256', typ: strategy.profile ?? 'JWT' })
    .setIssuer(strategy.issuer)
    .setAudience(strategy.audience)
    .setSubject(subject)
    .setIssuedAt(now)
    .setExpirationTime(Math.floor(now) + seconds)
    .setJti(randomUUID())
    .sign(Buffer.from(secret))
  terminal.print(signed)
  return 0
}

async function inspect(args: readonly string[], terminal: Terminal): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], options: {}, allowPositionals: true })
  const text = (await terminal.read()).trim().replace(/^Bearer\s+/i, '')
  let header: object
  let payload: ReturnType<typeof decodeJwt>
  try {
    header = decodeProtectedHeader(text)
    payload = decodeJwt(text)
  } catch {
    throw new UsageError('standard input holds no JSON Web Token')
  }
  terminal.print(JSON.stringify({ header, payload }, null, 2))
  const { exp, iat } = payload
  if (typeof iat === 'number') terminal.print(`issued   ${dateOf(iat)}`)
  if (typeof exp === 'number')
    terminal.print(`expires  ${dateOf(exp)}${exp <= Date.now() / 1000 ? ', which has passed' : ''}`)
  if (positionals.length === 0) return 0
  const verdicts = await Promise.all((await jwtsOf(positionals, terminal)).map((strategy) => verdictOf(strategy, text)))
  for (const { name, why } of verdicts) terminal.print(`${name}: ${why ?? 'would take it'}`)
  return verdicts.some(({ why }) => why === null) ? 0 : 1
}

async function jwtsOf(positionals: readonly string[], terminal: Terminal): Promise<readonly JwtConfig[]> {
  const [file, ...more] = positionals
  if (file === undefined || more.length > 0) throw new UsageError('token takes one FILE')
  const { config } = await loadConfig(file, terminal.env)
  return config.strategies.filter((strategy) => strategy.use === 'jwt')
}

/** Signatures of a key set are not checked here: nothing is fetched. */
async function verdictOf(
  strategy: JwtConfig,
  text: string,
): Promise<{ readonly name: string; readonly why: string | null }> {
  const name = `strategy ${strategy.scheme ?? 'jwt'} of ${strategy.issuer}`
  const { iss, aud } = decodeJwt(text)
  if (iss !== strategy.issuer) return { name, why: 'refuses it: the issuer is another' }
  if (![aud].flat().includes(strategy.audience)) return { name, why: 'refuses it: the audience is another' }
  if (strategy.secret === undefined) return { name, why: 'issuer and audience fit; the signature was not checked' }
  for (const secret of [strategy.secret].flat()) {
    try {
      await jwtVerify(text, Buffer.from(secret), { issuer: strategy.issuer, audience: strategy.audience })
      return { name, why: null }
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { name, why: 'refuses it: it has expired' }
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) {
        return { name, why: `refuses it: ${error instanceof errors.JOSEError ? error.code : 'it cannot be read'}` }
      }
    }
  }
  return { name, why: 'refuses it: it was signed with another key' }
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
