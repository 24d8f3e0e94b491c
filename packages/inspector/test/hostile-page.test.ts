import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { createInspector, type InspectorSource } from 'portcullis-inspector'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Browser, launch } from './browser.ts'

/** Whatever a client, a token or another node may call something; each that runs, asks or frames something is a complaint. */
const NAMES = [
  '"><img src=x onerror="window.struck=1"><script>window.struck=1</script>',
  "javascript:window.struck=1//'",
  '</style><iframe srcdoc="<script>top.struck=1</script>"></iframe>',
  '__proto__',
  'constructor',
  'W'.repeat(1_024),
  'a\u202Egnp.exe\u2066\u0000\r\n%0d%0a&amp;{{7*7}}',
]
const VIEWS = ['overview', 'connections', 'decisions', 'shadow']

function principal(name: string) {
  return { scheme: name, issuer: name, subject: name }
}

function decision(name: string, i: number) {
  const about = { namespace: name, room: name, event: name, address: name, socketId: name, identity: principal(name) }
  const said = { effect: i % 2 === 0 ? 'deny' : 'permit', code: i % 2 === 0 ? name : null, rule: name } as const
  return { id: `${name}${i}`, at: Date.now() / 1000, stage: name, ...about, ...said, reason: name, tookUs: 3 }
}

function connection(name: string) {
  const rooms = NAMES.map((room) => ({ room, by: 'grant' as const, expiresAt: null }))
  const times = { connectedAt: 1, issuedAt: 1, expiresAt: null }
  return {
    ...principal(name),
    node: name,
    namespace: name,
    socketId: name,
    ...times,
    withheld: ['suspended'],
    rooms,
    roomsLeftOut: 0,
  }
}

function verdict(name: string) {
  return { effect: 'deny', code: 'AUTH_FORBIDDEN', rule: name } as const
}

const source: InspectorSource = {
  overview: () => ({
    title: NAMES[0] as string,
    node: NAMES[0] as string,
    state: 'fresh',
    version: NAMES[0] as string,
    nodes: NAMES.map((node) => ({ node, state: 'live' as const, seenMsAgo: 1, sockets: 1 })),
    sockets: 1,
    namespaces: Object.fromEntries(NAMES.map((name) => [name, 1])),
    startedAt: 1,
  }),
  connections: async () => ({ connections: NAMES.map(connection), next: NAMES[0] as string, total: 9, silent: NAMES }),
  connection: async (id) => connection(id),
  members: async () => ({
    members: NAMES.map((name) => ({
      ...principal(name),
      sockets: [{ socketId: name, node: name, by: 'grant' as const }],
      expiresAt: null,
    })),
    partial: true,
  }),
  decisions: {
    read: ({ after }) => ({ events: after === undefined ? NAMES.map(decision) : [], next: '1', missed: 0 }),
    subscribe: () => () => {},
  },
  explain: async () => ({
    ...verdict(NAMES[0] as string),
    // Rules are the operator's own, and long ones are long.
    steps: NAMES.map((name) => ({ ...verdict(name.slice(0, 100)), tookUs: 1 })),
    identity: principal(NAMES[0] as string),
    at: 1,
    notes: NAMES,
  }),
  revoke: () => Promise.reject(new Error('never')),
  disconnect: () => Promise.reject(new Error('never')),
  shadow: {
    read: () => ({
      differences: NAMES.map((name) => ({
        at: 1,
        stage: name,
        namespace: name,
        room: name,
        identity: principal(name),
        enforced: verdict(name),
        shadow: { ...verdict(name), effect: 'permit' as const },
      })),
      next: '1',
      missed: 0,
    }),
  },
}

let url = ''
let browser: Browser
beforeAll(async () => {
  const inspector = createInspector({ source, authenticate: () => ({ name: NAMES[0] as string, mayRevoke: true }) })
  const server = createServer(inspector)
  afterAll(() => {
    inspector.close()
    server.closeAllConnections()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  browser = await launch()
}, 30_000)

async function struck(page: Page) {
  return page.evaluate(() => ({
    struck: 'struck' in window,
    elements: document.querySelectorAll('img:not([src*="/assets/"]), iframe, script:not([src]), [onerror]').length,
    schemes: [...document.querySelectorAll('a')].filter((link) => link.protocol === 'javascript:').length,
    wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  }))
}

it('shows hostile names as text, in every view, and stays as wide as its window', { timeout: 30_000 }, async () => {
  const page = await browser.open(url)
  const params = new URLSearchParams({ namespace: NAMES[0] as string, room: NAMES[0] as string })
  const routes = [
    ...VIEWS,
    `rooms?${params}`,
    `socket?${new URLSearchParams({ id: NAMES[0] as string })}`,
    'explain?decision=d',
  ]
  for (const route of [
    ...routes,
    `revoke?${new URLSearchParams({ issuer: NAMES[0] as string, subject: NAMES[1] as string })}`,
  ]) {
    await page.goto(`${url}#/${route}`)
    if (!route.startsWith('revoke')) {
      const shown = page.locator('main').getByText('window.struck=1').first()
      await expect.poll(() => shown.count(), { timeout: 5_000, message: route }).toBeGreaterThan(0)
    }
    const found = await struck(page)
    expect([route, found]).toEqual([route, { struck: false, elements: 0, schemes: 0, wide: false }])
  }
  expect(browser.complaints).toEqual([])
})
