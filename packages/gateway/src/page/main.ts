/** The page: forms and buttons, and what each of them does. */

import type { Receipt, Refusal } from 'portcullis'
import type { NewsItem } from '../demo/news.ts'
import { ask, attempt, openNamespace, useToken } from './connection.ts'
import { element, onSubmit, withText } from './elements.ts'
import { fetchToken, HttpRefusal, logIn, logOut, type User, whoIsLoggedIn } from './http.ts'
import { hideIdentity, showIdentity } from './identity-card.ts'
import { clearNews, showNews } from './news-list.ts'
import { followPresence, showRooms } from './presence.ts'
import { logRefusal } from './refusal-log.ts'
import { showRefusal, showStatus } from './status.ts'

const news = openNamespace('/news', { connected: () => void refreshIdentity(), ended: loseNews })
const admin = openNamespace('/admin', { connected: () => setAdmin(true), ended: () => setAdmin(false) })
followPresence(news.socket)
news.socket.on('news', (item: NewsItem) => showNews([item]))

onSubmit(element('login'), async ({ username = '', password = '', credential }) => {
  disconnect()
  try {
    if (credential === 'token') {
      useToken((await fetchToken(username, password)).token)
      showAccount(`${username}, with a token that this page holds.`)
    } else {
      useToken(null)
      showUser((await logIn(username, password)).user)
    }
  } catch (error) {
    return showHttpRefusal('log in', error)
  }
  element<HTMLFormElement>('login').reset()
  connect()
})

element('logout').addEventListener('click', async () => {
  disconnect()
  useToken(null)
  try {
    await logOut()
    showAccount(null)
    showStatus('offline', 'You logged out.')
  } catch (error) {
    showHttpRefusal('log out', error)
  }
})

onSubmit(element('join'), async ({ room = '' }) => {
  element('joined').textContent = ''
  const reply = await attempt(`join ${room}`, () => news.auth.join(room))
  if (reply === null) return
  element('joined').textContent = `Joined ${reply.joined.join(', ')}.`
  await refreshIdentity()
})

onSubmit(element('publish'), async ({ organization = '', title = '', body = '' }) => {
  const published = await ask<{ item: NewsItem }>(news, `publish to ${organization}`, 'news:publish', organization, {
    title,
    body,
  })
  if (published !== null) for (const field of ['title', 'body']) clearField(field)
})

element('admin-connect').addEventListener('click', () => {
  if (admin.socket.connected) admin.socket.disconnect()
  else admin.socket.connect()
  if (!admin.socket.active) setAdmin(false)
})

onSubmit(element('revoke'), async ({ name = '' }) => {
  element('receipt').replaceChildren()
  const revoked = await ask<{ receipt: Receipt }>(admin, `revoke ${name}`, 'admin:revoke', name)
  if (revoked !== null) showReceipt(name, revoked.receipt)
})

await start()

async function start(): Promise<void> {
  setConnected(false)
  const refused = new URLSearchParams(location.search).get('refused')
  if (refused !== null) showStatus('refused', 'The form was not accepted.', refused)
  try {
    const { user } = await whoIsLoggedIn()
    if (user === null) return
    showUser(user)
    connect()
  } catch (error) {
    showHttpRefusal('load the page', error)
  }
}

function connect(): void {
  showStatus('offline', 'Connecting.')
  news.socket.connect()
}

function disconnect(): void {
  news.socket.disconnect()
  admin.socket.disconnect()
  setConnected(false)
  setAdmin(false)
  clearNews()
}

/** Who and where this connection is now, and the news of every room. */
async function refreshIdentity(): Promise<void> {
  const who = await attempt('ask who I am', () => news.auth.whoami())
  if (who === null || !news.socket.connected) return
  showStatus('admitted', `to /news as subject ${who.subject} of ${who.issuer}, by ${who.scheme}.`)
  setConnected(true)
  showIdentity(who)
  await showRooms(news.socket, who.rooms)
  for (const room of who.rooms) {
    const organization = room.replace(/^organization\./, '')
    const history = await ask<{ items: NewsItem[] }>(news, `read ${organization}`, 'news:history', organization)
    if (history !== null) showNews(history.items)
  }
}

/** What only a new credential cures takes the form again. */
function loseNews(refusal: Refusal | null): void {
  setConnected(false)
  if (refusal?.retry === 'refresh') showAccount(null)
}

function setConnected(connected: boolean): void {
  for (const form of ['join', 'publish']) element(form).querySelector('button')?.toggleAttribute('disabled', !connected)
  element('admin-connect').toggleAttribute('disabled', !connected && !admin.socket.connected)
  if (connected) return
  hideIdentity()
  element('joined').textContent = ''
  element('rooms').replaceChildren()
}

function setAdmin(connected: boolean): void {
  element('admin-connect').textContent = connected ? 'Disconnect from /admin' : 'Connect to /admin'
  element('revoke').hidden = !connected
  if (!connected) element('receipt').replaceChildren()
}

function showUser({ display, organizations, admin: isAdmin }: User): void {
  const roles = organizations.map(({ id, role }) => `${role} of ${id}`)
  showAccount(`${display}, ${[...roles, ...(isAdmin ? ['admin'] : [])].join(', ')}.`)
}

function showAccount(text: string | null): void {
  element('login').hidden = text !== null
  element('account').hidden = text === null
  element('account-text').textContent = text ?? ''
}

function showReceipt(name: string, { closed, nodes, id }: Receipt): void {
  const parts = nodes.map((node) => `${node.node} ${node.state}, ${node.closed} closed`)
  element('receipt').replaceChildren(
    withText(
      'strong',
      `${name}: every session and token is revoked, ${closed} socket${closed === 1 ? '' : 's'} closed.`,
    ),
    withText('small', ` ${parts.join('; ')}. Receipt ${id}`),
  )
}

function showHttpRefusal(what: string, error: unknown): void {
  if (!(error instanceof HttpRefusal)) throw error
  logRefusal(what, error.refusal)
  showRefusal(error.refusal, false)
}

function clearField(name: string): void {
  const field = element<HTMLFormElement>('publish').elements.namedItem(name)
  if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.value = ''
}
