// @ts-check
/** A backend in a process of its own: says whose a credential is, and counts how often it was asked about each. */

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { verifyHookRequest } from 'portcullis/hooks/http'
import { readCredential } from './crowd-plan.mjs'

const { HOOK_SECRET = '', CREDENTIAL_SECRET = '' } = process.env
/** What a database takes. */
const ANSWER_AFTER_MS = 5
/** The longest that the gateway remembers an answer. */
const MAX_AGE_SECONDS = 30

/** Of each gateway by the path that it asks under. */
const counted = createCounts()

function createCounts() {
  /** @typedef {{ asked: Map<string, number>, refreshes: number, requests: number }} Counts how often each credential was asked about, by digest */
  /** @type {Map<string, Counts>} */
  const all = new Map()
  return {
    clear: () => all.clear(),
    /** @param {string} path */
    of(path) {
      const counts = all.get(path) ?? { asked: new Map(), refreshes: 0, requests: 0 }
      all.set(path, counts)
      return counts
    },
  }
}

const server = createServer((request, response) => {
  /** @type {Buffer[]} */
  const chunks = []
  request.on('data', (chunk) => chunks.push(chunk))
  request.on('end', () => {
    const verified = verifyHookRequest(HOOK_SECRET, request.headers, Buffer.concat(chunks))
    if (verified === null) return void response.writeHead(400).end()
    const counts = counted.of(request.url ?? '')
    counts.requests += 1
    const body = JSON.stringify({ items: verified.items.flatMap((item) => answersTo(item, counts)) })
    setTimeout(() => response.writeHead(200, { 'Content-Type': 'application/json' }).end(body), ANSWER_AFTER_MS)
  })
})

/** @param {import('portcullis/hooks/http').HookItem} item @param {ReturnType<typeof counted.of>} counts */
function answersTo(item, counts) {
  if (item.type !== 'connect' && item.type !== 'refresh') return []
  const credential = item.credential ?? Object.values(item.cookies)[0] ?? ''
  if (item.type === 'refresh') counts.refreshes += 1
  else {
    const digest = createHash('sha256').update(credential).digest('base64url')
    counts.asked.set(digest, (counts.asked.get(digest) ?? 0) + 1)
  }
  const found = readCredential(credential, CREDENTIAL_SECRET)
  const common = { id: item.id, maxAgeSeconds: MAX_AGE_SECONDS }
  if (found === null) return [{ ...common, permit: false }]
  const { subject, org, issuedAt, expiresAt } = found
  if (expiresAt < Date.now() / 1000) return [{ ...common, permit: false, code: 'AUTH_EXPIRED' }]
  return [{ ...common, permit: true, subject, issuedAt, expiresAt, claims: { org } }]
}

/** What the gateway of this path has asked; with `forget`, nobody has asked anything any more. */
process.on('message', (/** @type {{ id: number, path: string, forget: boolean }} */ { id, path, forget }) => {
  const { asked, refreshes, requests } = counted.of(path)
  const each = [...asked.values()]
  const questions = each.reduce((sum, count) => sum + count, 0)
  const answer = { credentials: each.length, questions, mostOfOne: Math.max(0, ...each), refreshes, requests }
  process.send?.({ id, answer })
  if (forget) counted.clear()
})
process.on('disconnect', () => process.exit())
server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: /** @type {import('node:net').AddressInfo} */ (server.address()).port })
})
