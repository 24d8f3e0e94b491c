import type { Page } from 'playwright-core'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Browser, launch, logIn, picture } from './browser.ts'
import { faint, unnamed } from './eyes.ts'
import { HIDDEN, ISSUER, type Newsroom, newsroom } from './newsroom.ts'

let room: Newsroom
let browser: Browser
let page: Page

beforeAll(async () => {
  ;[room, browser] = await Promise.all([newsroom(), launch()])
  const [alice, bob] = await Promise.all([
    room.enter('alice'),
    room.enter('bob', 'globex', 90),
    room.enter('alice', 'acme', 900),
  ])
  await room.enter('')
  await alice.emitWithAck('auth:join', 'organization.acme')
  await bob.emitWithAck('auth:join', 'organization.acme')
  for (let i = 0; i < 6; i += 1) await Promise.all([alice.emitWithAck('list'), bob.emitWithAck('publish', 'text')])
}, 30_000)

afterEach(async () => {
  await page?.close()
  expect(browser.complaints).toEqual([])
})

const heading = (name: string) => page.getByRole('heading', { level: 1, name }).waitFor()
const row = (text: string | RegExp) => page.getByRole('row').filter({ hasText: text })

describe('the page in Chromium', { timeout: 30_000 }, () => {
  it('says that a password is wrong, and lets in with the right one', async () => {
    await browser.context.clearCookies()
    page = await browser.open(room.url)
    await page.getByLabel('Name').fill('ada')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('alert').filter({ hasText: 'The name or the password is wrong.' }).waitFor()
    await picture(page, 'sign-in')
    await logIn(page)
    await heading('Overview')
    await row('/news').filter({ hasText: '3' }).waitFor()
    await page.getByText('forbidden').waitFor()
  })

  it('draws decisions over time, which arrow keys read out and a table repeats', async () => {
    page = await browser.open(room.url)
    const chart = page.getByRole('slider', { name: /^Decisions, per second/ })
    await chart.focus()
    await page.waitForFunction(() => document.querySelectorAll('.plot rect').length > 1)
    await page.keyboard.press('End')
    await page.keyboard.press('ArrowLeft')
    expect(await chart.getAttribute('aria-valuetext')).toMatch(/^\d\d:\d\d:\d\d: permits [\d.]+\/s, denials [\d.]+\/s$/)
    await page.getByText('As a table').first().click()
    const repeated = page.getByRole('region', { name: 'Decisions as a table' }).getByRole('row')
    await repeated.nth(60).waitFor()
    expect(await repeated.count()).toBe(61)
    await picture(page, 'overview')
  })

  it('finds a connection, and shows its lease shrink and its rooms', async () => {
    page = await browser.open(`${room.url}#/connections`)
    await row('bob').waitFor()
    await picture(page, 'connections')
    await page.getByLabel('Search').fill('ALICE')
    await page.keyboard.press('Enter')
    await page.getByText('2 of 3 shown.').waitFor()
    expect(await row('bob').count()).toBe(0)
    await page.getByRole('link', { name: 'alice' }).first().click()
    await heading('alice')
    const lease = page.getByRole('meter', { name: 'Lease', exact: true })
    const before = await lease.getAttribute('aria-valuetext')
    await page.waitForFunction(
      (text) => document.querySelector('[role=meter]')?.getAttribute('aria-valuetext') !== text,
      before,
    )
    await row('organization.acme').filter({ hasText: 'joined by the client' }).waitFor()
    await row('user.alice').filter({ hasText: 'follows from memberships' }).waitFor()
    const transition = () => lease.locator('span').evaluate((bar) => getComputedStyle(bar).transitionDuration)
    expect(await transition()).toBe('1s')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    expect(await transition()).toBe('0s')
    await picture(page, 'socket')
  })

  it('shows decisions as they happen, denials alone, and stands still when it is told to', async () => {
    page = await browser.open(`${room.url}#/decisions`)
    await page.getByRole('status').filter({ hasText: 'Live' }).waitFor()
    await page.getByLabel('Effect').selectOption('denials')
    await page.getByRole('button', { name: 'Filter' }).click()
    await row('events.publish').first().waitFor()
    expect(await row('permit').count()).toBe(0)
    const zoe = await room.enter('zoe', 'globex')
    await zoe.emitWithAck('publish', 'text')
    await row('zoe').waitFor()
    await picture(page, 'decisions')
    await page.getByRole('button', { name: 'Pause' }).click()
    await zoe.emitWithAck('publish', 'text')
    await page.getByRole('button', { name: 'Go on' }).click()
    await page.waitForFunction(() => document.body.innerText.match(/\bzoe\b/g)?.length === 2)
    zoe.close()
  })

  it('explains a denial from its row: the rules in their order, and the one that decided', async () => {
    page = await browser.open(`${room.url}#/decisions?effect=deny&subject=bob`)
    await row('events.publish').first().getByRole('link').click()
    await heading('Explain')
    const decided = page.getByRole('listitem').filter({ hasText: 'decided' })
    await decided.waitFor()
    expect(await decided.innerText()).toMatch(/deny\s+events\.publish\s+forbidden/)
    await picture(page, 'explain')
  })

  it('shows who is in a room', async () => {
    page = await browser.open(`${room.url}#/rooms`)
    await page.getByLabel('Room').fill('organization.acme')
    await page.getByRole('button', { name: 'Show members' }).click()
    await row('alice').filter({ hasText: 'grant' }).waitFor()
    await page.getByText('1 member with 1 socket.').waitFor()
    await picture(page, 'rooms')
  })

  it('asks for a room only when it knows the namespaces, so that nothing that was typed is lost', async () => {
    let answer = () => {}
    const held = new Promise<void>((resolve) => {
      answer = resolve
    })
    page = await browser.open('about:blank')
    await page.route(/\/overview/, async (route) => {
      await held
      await route.continue()
    })
    await page.goto(`${room.url}#/rooms`)
    await page.getByText('Asking…').waitFor()
    expect(await page.getByLabel('Room').count()).toBe(0)
    answer()
    await page.getByLabel('Room').fill('organization.acme')
    await page.getByRole('button', { name: 'Show members' }).click()
    await row('alice').filter({ hasText: 'grant' }).waitFor()
  })

  it('shows where the policy in shadow differs', async () => {
    page = await browser.open(`${room.url}#/shadow`)
    await row('bob')
      .filter({ hasText: /deny.*permit/s })
      .first()
      .waitFor()
    await picture(page, 'shadow')
  })

  it('revokes by keyboard alone, and shows the receipt node by node', async () => {
    const carol = await room.enter('carol')
    page = await browser.open(room.url)
    await heading('Overview')
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content')
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Revoke' }).focus()
    await page.keyboard.press('Enter')
    await heading('Revoke')
    await page.waitForFunction(() => document.activeElement?.textContent === 'Revoke')
    for (const text of ['', ISSUER, 'carol', '', '', ' ']) {
      await page.keyboard.press('Tab')
      await page.keyboard.type(text)
    }
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await row('applied').filter({ hasText: '1' }).waitFor()
    await page.getByText('No node serves them any more. 1 socket was closed.').waitFor()
    await picture(page, 'revoke')
    await expect.poll(() => carol.connected).toBe(false)
  })

  it('is dark or light as the system says, or as was chosen', async () => {
    page = await browser.open(room.url)
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    await page.emulateMedia({ colorScheme: 'dark' })
    const dark = await ground()
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await ground()).not.toBe(dark)
    await page.getByLabel('Colours').selectOption('Dark')
    expect(await ground()).toBe(dark)
    await page.reload()
    expect(await ground()).toBe(dark)
    await page.getByLabel('Colours').selectOption('Auto')
  })

  it('asks every two seconds where no stream comes through', async () => {
    page = await browser.open(`${room.url}#/rooms`)
    await page.route('**/decisions/stream*', (route) => route.fulfill({ status: 503 }))
    await page.goto(`${room.url}#/decisions?effect=deny`)
    await page.getByRole('status').filter({ hasText: 'Asking every 2 s' }).waitFor()
    await row('events.publish').first().waitFor()
  })

  it('fits every view into 360 pixels, names every control, and contrasts every text with its ground', async () => {
    page = await browser.open(room.url)
    await page.setViewportSize({ width: 360, height: 740 })
    for (const view of ['overview', 'connections', 'decisions', 'rooms', 'explain', 'revoke', 'shadow']) {
      await page.goto(`${room.url}#/${view}`)
      await page.getByRole('link', { name: view, exact: false }).and(page.locator('[aria-current=page]')).waitFor()
      expect([view, await page.evaluate(() => document.documentElement.scrollWidth)]).toEqual([view, 360])
      await page.locator('main').locator('.grid, .form, .empty').first().waitFor()
      expect(await unnamed(page)).toEqual([])
      expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        expect([view, colorScheme, await faint(page)]).toEqual([view, colorScheme, []])
      }
      await picture(page, `narrow-${view}`)
    }
  })

  it('holds no credential and no claim', async () => {
    page = await browser.open(room.url)
    for (const view of ['connections', 'decisions', 'shadow']) {
      await page.goto(`${room.url}#/${view}`)
      await row('alice').or(row('bob')).first().waitFor()
      const html = await page.content()
      expect(HIDDEN.filter((word) => html.includes(word))).toEqual([])
    }
  })

  it('lets Ben look, and not revoke', async () => {
    await browser.context.clearCookies()
    page = await browser.open(`${room.url}#/revoke`)
    await logIn(page, 'ben')
    await page.getByText('You may look, but not revoke.').waitFor()
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Password').waitFor()
  })
})
