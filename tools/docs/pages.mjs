// @ts-check
/** The order in which the site shows its pages: one table, of which the sidebar and `llms.txt` are made. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow } from '../workspace.mjs'

/**
 * @typedef {{ title: string; path: string }} Page `path` below `docs`, with its `.md`
 * @typedef {{ title: string; pages: Page[]; closed?: boolean }} Section
 */

/**
 * Text in the sidebar and file. What another command writes may not be there yet: such a page is left out until it is.
 *
 * @type {readonly (readonly [string, ...(readonly [string, string])[]])[]}
 */
const GUIDE = [
  [
    'Guide',
    ['What it is', 'index.md'],
    ['The first guard', 'guide/first-guard.md'],
    ['Credentials', 'credentials.md'],
    ['Rules for events and rooms', 'guide/rules.md'],
    ['The client', 'guide/client.md'],
    ['Time: leases and refresh', 'guide/time.md'],
    ['Revocation and receipts', 'revocation.md'],
    ['Several nodes', 'guide/several-nodes.md'],
    ['Sessions and logout', 'logout.md'],
    ['Memberships', 'memberships.md'],
    ['Explain and shadow', 'explain.md'],
    ['Reload, status, drain', 'operations.md'],
    ['Testing a policy', 'guide/testing.md'],
    ['Going to production', 'guide/production.md'],
  ],
  [
    'The gateway',
    ['The gateway', 'gateway.md'],
    ['A PHP site', 'php.md'],
    ['Hooks: an HTTP backend decides', 'hooks.md'],
    ['Control API', 'control-api.md'],
    ['Emitters', 'emitters.md'],
    ['Presence', 'presence.md'],
    ['Inspector', 'inspector.md'],
    ['When a gateway ends', 'load.md'],
  ],
  [
    'Migration',
    ['From what to what', 'migrate/README.md'],
    ['passport.socketio', 'migrate/passport-socketio.md'],
    ['socketio-jwt', 'migrate/socketio-jwt.md'],
    ['@thream/socketio-jwt', 'migrate/thream-socketio-jwt.md'],
    ['socketio-jwt-auth', 'migrate/socketio-jwt-auth.md'],
    ['socketio-auth', 'migrate/socketio-auth.md'],
    ['express-socket.io-session', 'migrate/express-socket.io-session.md'],
    ['laravel-echo-server', 'migrate/laravel-echo.md'],
    ['Socket.IO 0.9', 'migrate/socketio-0.9.md'],
    ['Clients of Socket.IO 2', 'migrate/engine-io-3.md'],
  ],
  [
    'What holds, and what not',
    ['Threat model', 'threat-model.md'],
    ['Attacks and their tests', 'security.md'],
    ['Faults', 'faults.md'],
    ['Socket.IO under a guard', 'socket-io.md'],
    ['Claims and figures', 'proof.md'],
    ['Comparison', 'comparison.md'],
  ],
  [
    'Reference',
    ['Wire protocol', 'protocol.md'],
    ['Clients of Redis and PostgreSQL', 'stores.md'],
    ['Codes', 'codes.md'],
  ],
]

/**
 * Every page of the site, in order.
 *
 * @param {string} docs
 * @returns {Section[]}
 */
export function sectionsOf(docs) {
  /** @type {Section[]} */
  const sections = GUIDE.map(([title, ...pages]) => ({
    title,
    pages: pages.map(([text, path]) => ({ title: text, path })).filter(({ path }) => existsSync(join(docs, path))),
  }))
  sections.push(
    { title: 'Codes', pages: folderOf(docs, 'codes'), closed: true },
    { title: 'API', pages: apiOf(docs), closed: true },
    { title: 'Decisions', pages: folderOf(docs, 'decisions'), closed: true },
  )
  return sections.filter(({ pages }) => pages.length > 0)
}

/** Pages that stand in no section, which nobody would find. @param {string} docs @returns {string[]} */
export function lostPages(docs) {
  const found = new Set(sectionsOf(docs).flatMap(({ pages }) => pages.map(({ path }) => path)))
  return filesBelow(docs, (name) => name.endsWith('.md'))
    .map((path) => path.slice(docs.length + 1).replaceAll('\\', '/'))
    .filter((path) => !found.has(path))
}

/** @param {string} docs @param {string} folder @returns {Page[]} */
function folderOf(docs, folder) {
  if (!existsSync(join(docs, folder))) return []
  return readdirSync(join(docs, folder))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => ({ title: titleOf(join(docs, folder, name)), path: `${folder}/${name}` }))
}

/** Made by TypeDoc, for the time of the build. @param {string} docs @returns {Page[]} */
function apiOf(docs) {
  return filesBelow(join(docs, 'reference'), (name) => name.endsWith('.md'))
    .map((path) => ({ title: titleOf(path), path: path.slice(docs.length + 1).replaceAll('\\', '/') }))
    .sort((a, b) => depthOf(a) - depthOf(b) || (a.title < b.title ? -1 : 1))
}

/** The overview first, then `portcullis` itself. @param {Page} page */
function depthOf({ path }) {
  return path === 'reference/index.md' ? 0 : path === 'reference/portcullis.md' ? 1 : 2
}

/** The first heading. @param {string} path */
export function titleOf(path) {
  return /^# (.+)$/m.exec(readFileSync(path, 'utf8'))?.[1]?.replaceAll('`', '') ?? path
}
