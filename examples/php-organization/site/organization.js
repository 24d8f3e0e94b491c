/** Keeps the page of an organization up to date. PHP has made it; without this script it is right until it is loaded again. */

import { connect } from './socket.js'

const { id, gateway } = document.querySelector('#organization').dataset
const room = `organization.${id}`
const status = document.querySelector('#status')
const list = document.querySelector('#news')
const members = document.querySelector('#members')
/** Subjects of the members who have this page open somewhere. */
let here = new Set()

const WORDS = {
  online: () => 'Live: news appear by themselves.',
  waiting: () => 'No connection at the moment. Trying again.',
  ended: ({ code }) => `You are logged out here, and news do not arrive any more. (${code})`,
}
const socket = connect(`${gateway}/news`, (state, refusal) => say(state, WORDS[state](refusal)))

socket.on('connect', enter)
// A membership that has begun or ended while the page is open.
socket.on('auth:joined', ({ rooms }) => {
  if (rooms.includes(room)) enter()
})
socket.on('auth:left', (refusal) => {
  if (refusal.room !== room) return
  say('ended', `You are not a member of this organization any more. (${refusal.code})`)
  here = new Set()
  showHere()
})

socket.on('news', show)
socket.on('news:withdrawn', (news) => itemOf(news.id)?.remove())
socket.on('news:seen', showSeen)

socket.on('presence:join', ({ subject }) => {
  here.add(subject)
  if (showHere() < here.size) catchUp() // somebody who was no member when the page was made
})
socket.on('presence:leave', ({ subject }) => {
  here.delete(subject)
  showHere()
})

/** First listen, then look: between the two nothing is missed. */
function enter() {
  socket.emit('presence:watch', room, ({ error, members: present }) => {
    if (error !== undefined) return
    here = new Set(present.map(({ subject }) => subject))
    say('online', WORDS.online())
    catchUp()
  })
}

/** What has happened while nobody listened is on the page as PHP makes it now. */
async function catchUp() {
  const before = [...list.children].map((item) => item.dataset.id)
  const response = await fetch(location.href).catch(() => null)
  if (response?.ok !== true || response.redirected) return
  const page = new DOMParser().parseFromString(await response.text(), 'text/html')
  const now = new Map([...page.querySelectorAll('#news > li')].map((item) => [item.dataset.id, item]))
  for (const old of before) if (!now.has(old)) itemOf(old)?.remove()
  for (const [fresh, item] of now) if (itemOf(fresh) === null) insert(document.importNode(item, true))
  for (const item of list.children) watch(item)
  members.replaceChildren(...page.querySelectorAll('#members > li'))
  showHere()
}

/** An item that has just been published. */
function show(news) {
  if (itemOf(news.id) !== null) return
  const item = document.querySelector('#item').content.firstElementChild.cloneNode(true)
  item.dataset.id = news.id
  item.querySelector('h2').textContent = news.title
  item.querySelector('p').textContent = news.body
  item.querySelector('.author').textContent = news.author
  item.querySelector('time').dateTime = news.published_at
  const withdraw = item.querySelector('button')
  if (withdraw !== null) withdraw.value = news.id
  insert(item)
  showSeen(news)
  watch(item)
}

/** The newest first. */
function insert(item) {
  const older = [...list.children].find((each) => Number(each.dataset.id) < Number(item.dataset.id))
  list.insertBefore(item, older ?? null)
  showTime(item)
}

function itemOf(news) {
  return list.querySelector(`:scope > li[data-id="${Number(news)}"]`)
}

/** Tells PHP, by way of the gateway, what has been on the screen of this member. */
const onScreen = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting || !socket.connected) continue
    onScreen.unobserve(target)
    socket.emit('news:seen', Number(target.dataset.id), ({ error }) => {
      if (error === undefined) target.dataset.seen = ''
    })
  }
})

function watch(item) {
  onScreen.unobserve(item)
  if (item.dataset.seen === undefined) onScreen.observe(item)
}

function showSeen(news) {
  const place = itemOf(news.id)?.querySelector('.seen')
  if (place) place.textContent = news.seen
}

/** Gives how many of those who are here the page knows. */
function showHere() {
  const present = [...members.children].filter(({ dataset }) => here.has(dataset.subject))
  for (const entry of members.children) entry.querySelector('em').hidden = !present.includes(entry)
  return present.length
}

function showTime(item) {
  const time = item.querySelector('time')
  time.textContent = new Date(time.dateTime).toLocaleString()
}
for (const item of list.children) showTime(item)

function say(state, text) {
  status.dataset.state = state
  status.textContent = text
}
