import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Running, runGateway } from './running.ts'
import { client, connected } from './socket-client.ts'
import { temporaryFolder } from './temporary.ts'

const PAGE = '../dist/page/'
const ARGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

let running: Running
let browser: BrowserContext
let page: Page
/** Whatever the browser complained about: errors of scripts, and what the content security policy refused. */
const complaints: string[] = []

beforeAll(async () => {
  running = await runGateway({}, PAGE)
  browser = await chromium.launchPersistentContext(await temporaryFolder(), {
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ARGS.split(' '),
    viewport: { width: 1100, height: 1000 },
  })
}, 60_000)
afterAll(() => browser?.close())

afterEach(async () => {
  await page?.close()
  await browser.clearCookies()
})

async function open(url = running.url): Promise<void> {
  page = await browser.newPage()
  await page.addInitScript(() => {
    addEventListener('DOMContentLoaded', () => {
      const word = document.querySelector('#status-word')
      const states: (string | null)[] = [word?.textContent ?? null]
      Object.assign(globalThis, { states })
      const note = () => states.push(word?.textContent ?? null)
      if (word !== null)
        new MutationObserver(note).observe(word, { childList: true, characterData: true, subtree: true })
    })
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) complaints.push(message.text())
  })
  await page.goto(url)
}

async function logIn(
  name: 'alice' | 'bob' | 'carol',
  credential: 'cookie' | 'token',
  passwords = running.passwords,
): Promise<void> {
  await page.getByLabel('User name').first().fill(name)
  await page.getByLabel('Password').fill(passwords[name])
  await page.locator(`input[value=${credential}]`).check()
  await page.getByRole('button', { name: 'Log in' }).click()
}

const state = (word: string) => page.locator('#status-word', { hasText: word }).waitFor()
/** Waits until the page has been in a state so often, also if only for a moment that nobody saw. */
const passed = (word: string, times = 1) =>
  page.waitForFunction(
    ([wanted, least]) =>
      (globalThis as unknown as { states: string[] }).states.filter((each) => each === wanted).length >= least,
    [word, times] as const,
  )
const logged = (text: string) => page.locator('#log li', { hasText: text }).first().innerText()
const item = (title: string) => page.locator('#news li', { hasText: title }).innerText()

/** `SCREENSHOTS` names a folder for pictures of what a person sees. */
async function picture(name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  await page.evaluate(() => scrollTo(0, 0))
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}

describe('the page in Chromium', { timeout: 60_000 }, () => {
  it.each(['cookie', 'token'] as const)(
    'admits with a %s and shows identity, lease, rooms and news',
    async (credential) => {
      await open()
      await state('Not connected')
      await logIn('alice', credential)
      await state('Admitted')
      expect(await page.locator('#identity').innerText()).toMatch(
        new RegExp(`${credential === 'cookie' ? 'session' : 'jwt'}\\s+Issuer\\s+organization-news`),
      )
      await page.locator('#rooms li', { hasText: 'organization.acme 1 here' }).waitFor()
      await item('Acme opens its news room')
      const bar = page.locator('#lease-bar')
      const before = await bar.evaluate((element: HTMLProgressElement) => element.value)
      await page.waitForFunction(
        (value) => (document.querySelector('#lease-bar') as HTMLProgressElement).value < value,
        before,
      )
      expect(await page.locator('#lease-text').innerText()).toMatch(
        credential === 'cookie' ? /^ends in [78] h \d+ min$/ : /^ends in [45] min \d+ s$/,
      )
      await picture(`admitted-${credential}`)
    },
  )

  it('stays logged in when it is loaded again, and is out after logging out', async () => {
    await open()
    await logIn('bob', 'cookie')
    await state('Admitted')
    await page.reload()
    await state('Admitted')
    expect(await page.locator('#account-text').innerText()).toBe('Bob, reader of globex.')
    await page.getByRole('button', { name: 'Log out' }).click()
    await state('Not connected')
    await page.reload()
    await page.getByRole('button', { name: 'Log in' }).waitFor()
    await state('Not connected')
  })

  it('publishes, and shows what others publish as it happens', async () => {
    await open()
    await logIn('alice', 'cookie')
    await state('Admitted')
    await page.getByLabel('Title').fill('Typed <b>here</b>')
    await page.getByLabel('Text').fill('and not markup')
    await page.getByRole('button', { name: 'Publish' }).click()
    expect(await item('Typed <b>here</b>')).toMatch(/acme · Alice · .*\s+and not markup/)
    await running.post(
      '/news/acme',
      { title: 'From elsewhere' },
      { authorization: `Bearer ${await running.token('carol')}` },
    )
    expect(await item('From elsewhere')).toContain('Carol')
  })

  it('shows each refusal with its code and what to do', async () => {
    await open()
    await logIn('bob', 'token')
    await state('Admitted')
    await page.getByRole('textbox', { name: 'Room' }).fill('organization.acme')
    await page.getByRole('button', { name: 'Join' }).click()
    expect(await logged('join organization.acme')).toMatch(
      /AUTH_FORBIDDEN[\s\S]*retry: never · Not permitted for this account/,
    )
    await page.getByRole('textbox', { name: 'Organization' }).fill('globex')
    await page.getByLabel('Title').fill('A reader writes')
    await page.getByRole('button', { name: 'Publish' }).click()
    expect(await logged('publish to globex')).toMatch(/AUTH_INSUFFICIENT_SCOPE[\s\S]*may read, not write/)
    await page.getByRole('button', { name: 'Connect to /admin' }).click()
    expect(await logged('connect to /admin')).toMatch(/AUTH_FORBIDDEN[\s\S]*Not permitted/)
    await state('Admitted')
    await picture('refused-requests')
  })

  it('is refused with a wrong password, and says what to do', async () => {
    await open()
    await logIn('alice', 'cookie', { ...running.passwords, alice: 'wrong' })
    await state('Refused')
    expect(await page.locator('#status').innerText()).toMatch(/AUTH_CREDENTIAL_INVALID[\s\S]*right name and password/)
    await picture('refused-login')
  })

  it('is refused at an address that is not among the origins, and says so', async () => {
    const other = await runGateway({ ORIGINS: 'https://news.example' }, PAGE)
    await open(other.url)
    await logIn('alice', 'cookie', other.passwords)
    await state('Refused')
    expect(await page.locator('#status').innerText()).toMatch(/AUTH_ORIGIN_REFUSED[\s\S]*add yours to ORIGINS/)
    await picture('refused-origin')
  })

  let short: Running | undefined
  it.each(['cookie', 'token'] as const)('expires with its %s, and asks for a new login', async (credential) => {
    short ??= await runGateway({ TOKEN_LIFETIME_SECONDS: '4', SESSION_LIFETIME_SECONDS: '4' }, PAGE)
    await open(short.url)
    await logIn('alice', credential, short.passwords)
    await passed('Admitted')
    await state('Expired')
    expect(await page.locator('#status').innerText()).toMatch(/AUTH_EXPIRED[\s\S]*Log in again/)
    expect(await logged('connection to /news')).toMatch(/AUTH_EXPIRED[\s\S]*retry: refresh/)
    await picture(`expired-${credential}`)
    await logIn('alice', credential, short.passwords)
    await passed('Admitted', 2)
  })

  it.each(['cookie', 'token'] as const)('is revoked by an admin elsewhere, with its %s', async (credential) => {
    await open()
    await logIn('bob', credential)
    await state('Admitted')
    const admin = await connected(client(running, '/admin', 'websocket', { token: await running.token('carol') }))
    await admin.emitWithAck('admin:revoke', 'bob')
    await state('Revoked')
    expect(await page.locator('#status').innerText()).toMatch(/AUTH_REVOKED[\s\S]*Log in again/)
    await picture(`revoked-${credential}`)
    await logIn('bob', credential)
    await state('Admitted')
  })

  it('lets an admin revoke a user and shows the receipt', async () => {
    await open()
    await logIn('carol', 'cookie')
    await state('Admitted')
    const bob = await connected(client(running, '/news', 'websocket', { token: await running.token('bob') }))
    const ended = new Promise((resolve) => bob.once('auth:closed', resolve))
    await page.getByRole('button', { name: 'Connect to /admin' }).click()
    await page.locator('#revoke input').fill('bob')
    await page.getByRole('button', { name: 'Revoke' }).click()
    expect(await page.locator('#receipt strong').innerText()).toBe(
      'bob: every session and token is revoked, 1 socket closed.',
    )
    expect(await ended).toMatchObject({ code: 'AUTH_REVOKED' })
    await picture('admin')
    await page.locator('#revoke input').fill('nobody')
    await page.getByRole('button', { name: 'Revoke' }).click()
    expect(await logged('revoke nobody')).toMatch(/UNKNOWN_USER[\s\S]*Check the name/)
  })

  it('fits a narrow screen, light or dark, without scrolling sideways', async () => {
    await open()
    await page.setViewportSize({ width: 340, height: 700 })
    await logIn('carol', 'token')
    await state('Admitted')
    await page.emulateMedia({ colorScheme: 'dark' })
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
    await picture('narrow-dark')
    await page.setViewportSize({ width: 1100, height: 1000 })
    await picture('wide-dark')
  })

  it('works by keyboard, and every field has a label', async () => {
    await open()
    await page.getByLabel('User name').first().focus()
    await page.keyboard.type('alice')
    await page.keyboard.press('Tab')
    await page.keyboard.type(running.passwords.alice)
    await page.keyboard.press('Enter')
    await state('Admitted')
    const nameless = await page
      .locator('input, textarea, button, progress')
      .evaluateAll((elements) =>
        elements
          .filter((each) => !(each as HTMLInputElement).labels?.length && each.textContent === '')
          .map((each) => each.outerHTML),
      )
    expect(nameless).toEqual([])
  })

  it('logs in with its plain form where scripts do not run', async () => {
    const plain = await browser.browser()?.newContext({ javaScriptEnabled: false })
    if (plain === undefined) throw new Error('no second context')
    const form = await plain.newPage()
    await form.goto(running.url)
    await form.getByLabel('User name').first().fill('alice')
    await form.getByLabel('Password').fill('wrong')
    await form.getByRole('button', { name: 'Log in' }).click()
    await form.waitForURL(/\?refused=AUTH_CREDENTIAL_INVALID$/)
    await form.getByLabel('User name').first().fill('alice')
    await form.getByLabel('Password').fill(running.passwords.alice)
    await form.getByRole('button', { name: 'Log in' }).click()
    await form.waitForURL((url) => url.search === '')
    expect((await plain.cookies()).map(({ name }) => name)).toEqual(['portcullis.sid'])
    await plain.close()
  })

  it('made the browser complain about nothing', () => {
    expect(complaints).toEqual([])
  })
})
