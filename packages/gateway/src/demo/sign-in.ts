/** Signing in with name and password: Passport's local strategy behind a limit on failures. */

import type { Request, Response } from 'express'
import passportModule from 'passport'
import { Strategy as LocalStrategy } from 'passport-local'
import { AuthError } from 'portcullis'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { z } from 'zod'
import type { Account, Accounts } from './accounts.ts'
import { type Claims, claimsOf } from './claims.ts'
import { verifyPassword } from './passwords.ts'

/** Passport, apart from the one that is shared by everything in a process. */
export type Passport = InstanceType<typeof passportModule.Passport>

/** What a session remembers of a login. */
export interface Login {
  readonly subject: string
  /** Epoch seconds. */
  readonly issuedAt: number
  readonly claims: Claims
}

export interface SignIn {
  readonly passport: Passport
  /**
   * The account of the name and password in the body.
   *
   * @throws AuthError AUTH_ARGUMENTS_INVALID, AUTH_CREDENTIAL_INVALID, AUTH_RATE_LIMITED, AUTH_UNAVAILABLE
   */
  authenticate(req: Request, res: Response): Promise<Account>
}

const FAILURES_PER_MINUTE = 10
/** Hashing costs time: somebody who tries many names is slowed down too. */
const FAILURES_PER_MINUTE_AND_ADDRESS = 60

const credentials = z.object({
  username: z.string().regex(/^[A-Za-z0-9._@-]{1,64}$/),
  password: z.string().min(1).max(256),
})

export function createSignIn(accounts: Accounts, maxLoginAgeSeconds: number): SignIn {
  const passport = new passportModule.Passport()
  passport.use(
    new LocalStrategy((username, password, done) => {
      checkPassword(accounts, username, password).then((account) => done(null, account ?? false), done)
    }),
  )
  passport.serializeUser((user, done) => {
    const account = user as Account
    done(null, { subject: account.id, issuedAt: Date.now() / 1000, claims: claimsOf(account) } satisfies Login)
  })
  passport.deserializeUser((login: Login, done) => {
    findLoggedIn(accounts, login, maxLoginAgeSeconds).then((account) => done(null, account ?? false), done)
  })
  const perName = new RateLimiterMemory({ points: FAILURES_PER_MINUTE, duration: 60 })
  const perAddress = new RateLimiterMemory({ points: FAILURES_PER_MINUTE_AND_ADDRESS, duration: 60 })

  return {
    passport,
    async authenticate(req, res) {
      // Passport would also look for the two in the URL: with both in the body, it does not.
      const parsed = credentials.safeParse(req.body)
      if (!parsed.success) throw new AuthError('AUTH_ARGUMENTS_INVALID')
      const address = req.ip ?? ''
      const key = `${address} ${parsed.data.username}`
      // Counted before the password is looked at, so that many attempts at once are as limited as one by one.
      await consume(perAddress, address)
      await consume(perName, key)
      const account = await authenticateLocal(passport, req, res)
      if (account === null) throw new AuthError('AUTH_CREDENTIAL_INVALID', { reason: 'password' })
      await Promise.all([perName.delete(key), perAddress.reward(address)])
      return account
    },
  }
}

/** The account as it is now, or null when the login is too old, was revoked, or the account is gone. */
async function findLoggedIn(accounts: Accounts, login: Login, maxAgeSeconds: number): Promise<Account | null> {
  if (login.issuedAt + maxAgeSeconds <= Date.now() / 1000) return null
  const account = await accounts.findById(login.subject)
  return account === null || isRevoked(account, login.issuedAt) ? null : account
}

/** True when everything that was issued at this moment is dead by now. */
export function isRevoked(account: Account, issuedAt: number): boolean {
  return account.revokedAt !== null && issuedAt < account.revokedAt
}

async function checkPassword(accounts: Accounts, username: string, password: string): Promise<Account | null> {
  const found = await accounts.findByName(username)
  if (!(await verifyPassword(password, found?.passwordHash ?? null)) || found === null) return null
  const { passwordHash: _, ...account } = found
  return account
}

function authenticateLocal(passport: Passport, req: Request, res: Response): Promise<Account | null> {
  return new Promise((resolve, reject) => {
    const answer = (error: unknown, account?: Account | false) => {
      if (error) reject(error)
      else resolve(account || null)
    }
    const middleware = passport.authenticate('local', { session: false }, answer) as (
      req: Request,
      res: Response,
      next: typeof answer,
    ) => void
    middleware(req, res, answer)
  })
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key)
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error
    throw new AuthError('AUTH_RATE_LIMITED', { retryAfterSeconds: Math.ceil(error.msBeforeNext / 1000) })
  }
}
