/** The HTTP side: logging in and out, tokens, publishing by programs, the page. */

import express, { type Express, type Request, type RequestHandler, type Response } from 'express'
import expressSession, { type Store } from 'express-session'
import { type Auth, AuthError } from 'portcullis'
import { type Account, type Accounts, roleIn } from './accounts.ts'
import { SESSION_COOKIE } from './auth.ts'
import { ISSUER } from './claims.ts'
import { answerErrors, answerNotFound, isForm } from './http-answers.ts'
import { noStore, sameOrigin, setHeaders } from './http-guards.ts'
import { type News, type NewsItem, newsDraft, organizationId } from './news.ts'
import { createSignIn, isRevoked } from './sign-in.ts'
import type { Tokens } from './tokens.ts'

export interface HttpOptions {
  readonly origins: readonly string[]
  readonly store: Store
  readonly sessionSecret: string
  readonly sessionLifetimeSeconds: number
  readonly accounts: Accounts
  readonly news: News
  readonly tokens: Tokens
  /** The guard, which runs by the time that a request comes. */
  readonly auth: () => Auth
  /** Takes what the gateway asks. */
  readonly backend: RequestHandler
  /** Sends an item to whoever is in its organization's room. */
  readonly announce: (item: NewsItem) => void
  /** Rejects when the database does not answer. */
  readonly checkHealth: () => Promise<void>
  /** Folder of the built page. */
  readonly pageFolder: string
  readonly onError: (error: unknown) => void
}

const BODY_LIMIT = '16kb'
const HOOKS_LIMIT = '2mb'

export function createHttpApp(options: HttpOptions): Express {
  const { accounts, news, tokens } = options
  const auth = () => options.auth()
  const signIn = createSignIn(accounts, options.sessionLifetimeSeconds)
  const app = express()
  app.disable('x-powered-by')
  app.set('query parser', 'simple')
  app.use(setHeaders)

  app.get('/status', noStore, async (_req, res) => {
    await options.checkHealth()
    res.json({ status: 'ok' })
  })
  app.use(express.static(options.pageFolder, { cacheControl: false, redirect: false }))

  // Signed, and the signature is of the bytes.
  app.post('/hooks', noStore, express.raw({ type: () => true, limit: HOOKS_LIMIT }), options.backend)

  app.use(noStore, sameOrigin(options.origins))
  app.use(
    express.json({ limit: BODY_LIMIT }),
    express.urlencoded({ limit: BODY_LIMIT, extended: false, parameterLimit: 20 }),
  )
  const loggedIn = [sessionOf(options), signIn.passport.session() as RequestHandler]

  app.post('/login', loggedIn, async (req: Request, res: Response) => {
    const previous = accountOf(req) === null ? null : req.sessionID
    const account = await signIn.authenticate(req, res)
    await startSession(req, account)
    if (previous !== null) await auth().revoke({ session: previous })
    if (isForm(req)) res.redirect(303, '/')
    else res.json({ user: describe(account) })
  })

  app.post('/logout', loggedIn, async (req: Request, res: Response) => {
    const { sessionID } = req
    const destroyed = new Promise<void>((resolve, reject) => {
      req.session.destroy((error: unknown) => (error ? reject(asUnavailable(error)) : resolve()))
    })
    res.clearCookie(SESSION_COOKIE, { httpOnly: true, sameSite: 'lax' })
    // Neither waits for the other: sockets end although the store fails, and the session although sockets do not.
    const outcomes = await Promise.allSettled([destroyed, auth().revoke({ session: sessionID })])
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
    if (isForm(req)) res.redirect(303, '/')
    else res.json({ user: null })
  })

  app.post('/token', async (req, res) => {
    res.json(await tokens.issue(await signIn.authenticate(req, res)))
  })

  app.get('/me', loggedIn, (req: Request, res: Response) => {
    const account = accountOf(req)
    res.json({ user: account === null ? null : describe(account) })
  })

  app.post('/news/:organization', unlessBearer(loggedIn), async (req: Request, res: Response) => {
    const account = (await bearerAccount(req, accounts, tokens)) ?? accountOf(req)
    if (account === null) throw new AuthError('AUTH_CREDENTIAL_MISSING')
    const organization = organizationId.safeParse(req.params.organization)
    const draft = newsDraft.safeParse(req.body)
    if (!organization.success || !draft.success) throw new AuthError('AUTH_ARGUMENTS_INVALID')
    if (roleIn(account, organization.data) !== 'editor') throw new AuthError('AUTH_FORBIDDEN')
    const item = await news.publish(organization.data, account.id, draft.data)
    options.announce(item)
    if (isForm(req)) res.redirect(303, '/')
    else res.status(201).json({ item })
  })

  app.use(answerNotFound)
  app.use(answerErrors(options.onError))
  return app
}

function sessionOf({ store, sessionSecret, sessionLifetimeSeconds }: HttpOptions): RequestHandler {
  const middleware = expressSession({
    name: SESSION_COOKIE,
    secret: sessionSecret,
    store,
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: sessionLifetimeSeconds * 1000 },
  })
  return (req, res, next) => middleware(req, res, (error?: unknown) => next(error ? asUnavailable(error) : undefined))
}

/** Passport gives the session a new id here, so that an id from before the login is worth nothing. */
function startSession(req: Request, account: Account): Promise<void> {
  return new Promise((resolve, reject) => {
    req.logIn(account, (error: unknown) => {
      if (!error) return resolve()
      // Without a session on the request, no cookie is set for one that was never stored.
      Reflect.deleteProperty(req, 'session')
      reject(asUnavailable(error))
    })
  })
}

function asUnavailable(cause: unknown): AuthError {
  return AuthError.is(cause) ? cause : new AuthError('AUTH_UNAVAILABLE', { reason: 'session_store', cause })
}

/** With a token in the header the cookie is not looked at: a bad token never falls back to it. */
function unlessBearer(handlers: readonly RequestHandler[]): RequestHandler[] {
  return handlers.map(
    (handler) => (req, res, next) => (req.headers.authorization === undefined ? handler(req, res, next) : next()),
  )
}

async function bearerAccount(req: Request, accounts: Accounts, tokens: Tokens): Promise<Account | null> {
  const { authorization } = req.headers
  if (authorization === undefined) return null
  const token = /^Bearer ([\w.-]+)$/i.exec(authorization)?.[1]
  if (token === undefined) throw new AuthError('AUTH_CREDENTIAL_INVALID')
  const { subject, issuedAt } = await tokens.verify(token)
  const account = await accounts.findById(subject)
  if (account === null) throw new AuthError('AUTH_CREDENTIAL_INVALID')
  if (isRevoked(account, issuedAt)) throw new AuthError('AUTH_REVOKED')
  return account
}

/** What Passport's `deserializeUser` found: the account as it is now. */
function accountOf(req: Request): Account | null {
  return (req.user as Account | undefined) ?? null
}

function describe({ id, name, display, admin, organizations }: Account) {
  return { issuer: ISSUER, subject: id, name, display, admin, organizations }
}
