// @ts-check
/** Starts what TypeScript made of the README's examples, and connects. */

import { execFile, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual, promisify } from 'node:util'
import { sign } from 'cookie-signature'
import { ISSUER, startIssuer } from './issuer.mjs'
import { readdress } from './readme.mjs'
import { EMITTED } from './types.mjs'

const run = promisify(execFile)

/** The example neither listens, since that is the application's affair, nor has anybody logged in. */
const REST_OF_SERVER = `
store.set(process.env.SESSION_ID, { cookie: { originalMaxAge: null }, user: { id: 'user-7', org: 'acme', loggedInAt: Math.floor(Date.now() / 1000) } })
process.on('disconnect', () => process.exit())
process.on('message', async (principal) => process.send({ receipt: await auth.revoke(principal) }))
httpServer.listen(0, '127.0.0.1', () => process.send({ port: httpServer.address().port }))
`
/** On a page, \`/token\` is of the page's own server. */
const BEFORE_BROWSER = 'const fetch = (path, init) => globalThis.fetch(new URL(path, process.env.PAGE), init)\n'
const REST_OF_BROWSER = `
process.on('disconnect', () => process.exit())
auth.on('closed', ({ code }) => process.send({ closed: code }))
socket.once('connect_error', (error) => process.send({ refused: String(error) }))
socket.once('connect', async () => {
  const own = await socket.emitWithAck('auth:join', 'org:acme')
  const other = await socket.emitWithAck('auth:join', 'org:globex')
  const unruled = await socket.emitWithAck('message:delete', 1)
  process.send({ joined: own.joined, other: other.error?.code, unruled: unruled.error?.code })
})
`

/** What everybody has to be told. */
const EXPECTED = {
  'a token': { admitted: 'user-1' },
  nothing: { refused: 'AUTH_CREDENTIAL_MISSING' },
  'a forged token': { refused: 'AUTH_CREDENTIAL_INVALID' },
  'a namespace without a policy': { refused: 'AUTH_FORBIDDEN' },
  'a session': { admitted: 'user-7' },
  // The door answers these with HTTP, of which a client sees as much.
  "a session on somebody else's page": { refused: 'websocket error' },
  'a session without a page': { refused: 'websocket error' },
}
const OF_PAGE = { joined: ['org:acme'], other: 'AUTH_FORBIDDEN', unruled: 'AUTH_FORBIDDEN' }

/**
 * @param {string} project where it is installed and compiled
 * @param {AbortSignal} signal
 * @returns {Promise<{ violations: string[]; told: number }>}
 */
export async function runExample(project, signal) {
  const issuer = await startIssuer()
  /** @type {import('node:child_process').ChildProcess[]} */
  const children = []
  /** @param {string} file @param {Record<string, string>} env */
  const start = (file, env) => {
    const stdio = /** @type {const} */ (['ignore', 'pipe', 'pipe', 'ipc'])
    const child = fork(join(project, file), {
      cwd: project,
      env: { PATH: process.env.PATH, ...env },
      stdio: [...stdio],
      signal,
    })
    children.push(child)
    const words = { out: '', err: '' }
    child.stdout?.on('data', (data) => (words.out += data))
    child.stderr?.on('data', (data) => (words.err += data))
    return { child, words, next: () => nextMessage(child, words) }
  }
  try {
    const [secret, id] = [randomBytes(32).toString('hex'), randomBytes(24).toString('base64url')]
    const keys = [`${ISSUER}/.well-known/jwks.json`, `${issuer.origin}/.well-known/jwks.json`]
    const program = readdress(readEmitted(project, 'server.js'), keys[0] ?? '', keys[1] ?? '')
    writeFileSync(join(project, 'server.js'), program + REST_OF_SERVER)
    const server = start('server.js', { SESSION_SECRET: secret, SESSION_ID: id })
    const origin = `http://127.0.0.1:${(await server.next()).port}`

    copyFileSync(new URL('visitor.mjs', import.meta.url), join(project, 'visitor.mjs'))
    const env = {
      ...{ PATH: process.env.PATH, SERVER: origin, TOKEN: await issuer.token(), FORGED: await issuer.token(true) },
      COOKIE: `connect.sid=${encodeURIComponent(`s:${sign(id, secret)}`)}`,
    }
    const { stdout } = await run(process.execPath, ['visitor.mjs'], { cwd: project, env, signal })

    const page = readdress(readEmitted(project, 'browser.js'), 'https://api.example/chat', `${origin}/chat`)
    writeFileSync(join(project, 'browser.js'), BEFORE_BROWSER + page + REST_OF_BROWSER)
    const browser = start('browser.js', { PAGE: issuer.origin })
    const ofPage = await browser.next()
    server.child.send({ issuer: ISSUER, subject: 'user-1' })
    const [{ receipt }, closed] = await Promise.all([server.next(), browser.next()])

    const seen = JSON.parse(stdout)
    const found = [
      ...Object.entries(EXPECTED).map(([who, expected]) => differs(who, seen[who], expected)),
      differs('the page', ofPage, OF_PAGE),
      differs(
        'the receipt of the revocation',
        { closed: receipt?.closed, complete: receipt?.complete },
        { closed: 1, complete: true },
      ),
      differs('the page whose user was revoked', closed, { closed: 'AUTH_REVOKED' }),
      differs('the log of the server', firstLine(server.words.out), '0 sockets closed on every node'),
      differs('what the server complains of', complaints(server.words.err), []),
    ]
    return { violations: found.filter((each) => each !== null), told: Object.keys(EXPECTED).length }
  } finally {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill()
      await gone.catch(() => {})
    }
    await issuer.close()
  }
}

/** @param {string} project @param {string} file */
function readEmitted(project, file) {
  return readFileSync(join(project, EMITTED, file), 'utf8')
}

/** What Node and the library warn of, but for the store in memory, which the example has on purpose. @param {string} text */
function complaints(text) {
  const known = /PORTCULLIS_MEMORY_STORE|^\(Use `node --trace-warnings/
  return text.split('\n').filter((line) => line !== '' && !known.test(line))
}

/** @param {string} text */
function firstLine(text) {
  return text.split('\n')[0]
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {{ err: string }} words
 * @returns {Promise<any>}
 */
async function nextMessage(child, words) {
  const heard = new AbortController()
  const ended = once(child, 'exit', { signal: heard.signal }).then(() => {
    throw new Error(`the README's example ended by itself: ${words.err.slice(0, 2000)}`)
  })
  try {
    return (await Promise.race([once(child, 'message', { signal: heard.signal }), ended]))[0]
  } finally {
    ended.catch(() => {})
    heard.abort()
  }
}

/** @param {string} who @param {unknown} seen @param {unknown} expected */
function differs(who, seen, expected) {
  if (isDeepStrictEqual(seen, expected)) return null
  return `the README's example: ${who} got ${JSON.stringify(seen)}, and not ${JSON.stringify(expected)}`
}
