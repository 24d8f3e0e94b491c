import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { membershipTrigger } from 'portcullis/memberships/postgres'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from './free-port.mjs'
import { client, connected, failToStart, next, outcome, ROOT, useExample } from './running.ts'

const ARGS = '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking'

describe('the example php-organization', { timeout: 30_000 }, () => {
  let site = ''
  let launching: Promise<Browser> | undefined
  let browser: Browser | undefined
  const example = useExample('php-organization', async () => {
    const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium'
    // While the example starts. A failure is told where it is awaited.
    launching = chromium.launch({ executablePath, args: ARGS.split(' ') })
    launching.catch(() => undefined)
    const port = await freePort()
    site = `http://127.0.0.1:${port}`
    // What ends at a logout has then been ended by PHP, and not by the gateway's own look at sessions.
    return { PHP_PORT: String(port), REVALIDATE_MS: '86400000' }
  })
  /** What scripts threw, and what the content security policy refused. */
  const complaints: string[] = []
  /** Each in a browser of their own, with the page of their organization. Every test leaves them there. */
  let alice: Page
  let bob: Page
  let carol: Page

  beforeAll(async () => {
    browser = await launching
    ;[alice, bob, carol] = await Promise.all([enter('alice', 'Acme'), enter('bob', 'Acme'), enter('carol', 'Globex')])
  }, 60_000)
  afterAll(async () => (await launching)?.close())
  afterEach(() => expect(complaints.splice(0)).toEqual([]))

  /** A page of a browser of one's own, logged in by the form. */
  async function logIn(name: string): Promise<Page> {
    if (browser === undefined) throw new Error('there is no browser')
    const context = await browser.newContext({ viewport: { width: 1000, height: 760 } })
    const page = await newPage(context)
    await page.goto(site)
    await page.getByLabel('Name').fill(name)
    await page.getByLabel('Password').fill(example.printed(name))
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('button', { name: 'Log out' }).waitFor()
    return page
  }

  async function newPage(context: BrowserContext): Promise<Page> {
    const page = await context.newPage()
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text())
    })
    return page
  }

  /** Logged in, and with the page of an organization that is live. */
  async function enter(name: string, organization: string): Promise<Page> {
    const page = await logIn(name)
    await page.getByRole('link', { name: organization }).click()
    await live(page)
    return page
  }

  const live = (page: Page) => page.locator('#status[data-state=online]').waitFor()
  const item = (page: Page, title: string) => page.locator('#news > li', { hasText: title })
  const isHere = (page: Page, name: string) => page.locator('#members li', { hasText: name }).getByText('here')

  async function publish(page: Page, title: string): Promise<void> {
    await page.getByLabel('Title').fill(title)
    await page.getByLabel('Text').fill('<b>As it was written.</b>')
    await page.getByRole('button', { name: 'Publish' }).click()
    await item(page, title).waitFor()
  }

  /** Connected with the session of a browser; every event is written down. */
  async function listener(page: Page) {
    const cookie = (await page.context().cookies()).map(({ name, value }) => `${name}=${value}`).join('; ')
    const heard: string[] = []
    const socket = client(`${example.url}/news`, { extraHeaders: { cookie, origin: site }, transports: ['websocket'] })
    socket.onAny((event: string, ...args) => heard.push(`${event} ${JSON.stringify(args)}`))
    await connected(socket)
    return { socket, heard, cookie }
  }

  /** `SCREENSHOTS` names a folder for pictures of what a person sees, in both schemes. */
  async function picture(page: Page, name: string): Promise<void> {
    const folder = process.env.SCREENSHOTS
    if (folder === undefined) return
    await mkdir(folder, { recursive: true })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.screenshot({ path: join(folder, `${name}-${colorScheme}.png`), fullPage: true })
    }
  }

  it('news that PHP emits through Redis arrive live at the members of an organization, and at nobody else', async () => {
    const elsewhere = await listener(carol)
    const [ofAcme, ofGlobex] = [`Acme ${randomUUID()}`, `Globex ${randomUUID()}`]
    await publish(alice, ofAcme)
    await item(bob, ofAcme).waitFor()
    expect(await item(bob, ofAcme).locator('p').innerText()).toBe('<b>As it was written.</b>')
    const heard = next(elsewhere.socket, 'news')
    await publish(carol, ofGlobex)
    // In the order in which they were published: had she been sent the other, it would be here.
    expect(await heard).toMatchObject([{ title: ofGlobex }])
    expect(elsewhere.heard.filter((line) => line.startsWith('news '))).toHaveLength(1)
    expect(await item(carol, ofAcme).count()).toBe(0)
    await picture(bob, 'reader')
  })

  it('the page shows who is there, and who has seen what, which a hook tells PHP', async () => {
    await bob.goto(site)
    await isHere(alice, 'bob').waitFor({ state: 'hidden' })
    await isHere(alice, 'alice').waitFor()
    const title = `Seen ${randomUUID()}`
    await publish(alice, title)
    await item(alice, title).getByText('seen by 1').waitFor()
    await bob.goBack()
    await item(alice, title).getByText('seen by 2').waitFor()
    await isHere(alice, 'bob').waitFor()
    await picture(alice, 'editor')
    // It is in the database: PHP makes the page of it.
    const made = await (await bob.request.get(bob.url())).text()
    expect(made.slice(made.indexOf(title))).toContain('seen by <span class="seen">2</span>')
  })

  it('what an editor withdraws disappears, by the control API', async () => {
    const title = `Withdrawn ${randomUUID()}`
    await publish(alice, title)
    await item(bob, title).waitFor()
    await item(alice, title).getByRole('button', { name: 'Withdraw' }).click()
    await item(bob, title).waitFor({ state: 'detached' })
    expect(await bob.getByRole('button', { name: 'Withdraw' }).count()).toBe(0)
  })

  it('who is taken out of an organization hears nothing more of it, without loading the page again', async () => {
    const olga = await logIn('olga')
    const { socket, heard } = await listener(bob)
    await olga.getByRole('link', { name: 'Members' }).click()
    const left = next(socket, 'auth:left')
    await olga.getByRole('button', { name: 'Take bob out of Acme' }).click()
    expect(await left).toMatchObject([{ room: expect.stringMatching(/^organization\.\d+$/), code: 'AUTH_FORBIDDEN' }])
    await bob.getByText('You are not a member of this organization any more. (AUTH_FORBIDDEN)').waitFor()
    await picture(bob, 'taken-out')
    await isHere(alice, 'bob').waitFor({ state: 'hidden' })
    const title = `Not for bob ${randomUUID()}`
    await publish(alice, title)

    const joined = next(socket, 'auth:joined')
    await picture(olga, 'members')
    await olga.getByLabel('Name').selectOption('bob')
    await olga.getByLabel('Organization').selectOption('Acme')
    await olga.getByRole('button', { name: 'Add' }).click()
    await joined
    expect(heard.filter((line) => line.includes(title))).toEqual([])
    // A member again, his page has what he missed.
    await item(bob, title).waitFor()
    await live(bob)
    await olga.context().close()
  })

  it('a logout ends the sockets of the session with AUTH_REVOKED, in every tab, and its cookie admits nobody', async () => {
    const [leaving, staying] = [await enter('bob', 'Acme'), bob]
    const tab = await newPage(leaving.context())
    await tab.goto(leaving.url())
    await live(tab)
    const [here, elsewhere] = [await listener(leaving), await listener(staying)]
    const closed = next(here.socket, 'auth:closed')
    await leaving.getByRole('button', { name: 'Log out' }).click()
    expect(await closed).toMatchObject([{ code: 'AUTH_REVOKED' }])
    await tab.getByText('(AUTH_REVOKED)').waitFor()
    await leaving.getByRole('heading', { name: 'Log in' }).waitFor()
    await picture(leaving, 'login')
    const again = client(`${example.url}/news`, { extraHeaders: { cookie: here.cookie, origin: site } })
    expect((await outcome(again))?.code).toMatch(/^AUTH_(CREDENTIAL_INVALID|REVOKED)$/)
    // His other login is another session.
    expect(await elsewhere.socket.emitWithAck('auth:whoami')).toMatchObject({ scheme: 'php-session' })
    await live(staying)
    await leaving.context().close()
  })

  it('a stranger has neither page nor socket, and a page of another site has no socket of a member', async () => {
    const stranger = await fetch(`${site}/organization.php?id=1`, { redirect: 'manual' })
    expect([stranger.status, stranger.headers.get('location')]).toEqual([303, '/login.php'])
    const visitor = stranger.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    const { cookie } = await listener(bob)
    const refusals = await Promise.all(
      [
        { origin: site },
        { origin: site, cookie: visitor },
        { origin: site, cookie: `PHPSESSID=${'0'.repeat(32)}` },
        { origin: 'https://elsewhere.example', cookie },
      ].map((extraHeaders) => outcome(client(`${example.url}/news`, { extraHeaders }))),
    )
    expect(refusals.map((refusal) => refusal?.code)).toEqual([
      'AUTH_CREDENTIAL_MISSING',
      'AUTH_CREDENTIAL_MISSING',
      'AUTH_CREDENTIAL_INVALID',
      'AUTH_ORIGIN_REFUSED',
    ])
    expect(await (await bob.request.get(`${site}/organization.php?id=2`)).text()).toBe('This is for members.')
  })

  it('PHP refuses forms of other sites, wrong passwords, hooks that nobody signed, and what is for others', async () => {
    const post = async (path: string, form: Record<string, string>) =>
      (await bob.request.post(site + path, { form, maxRedirects: 0 })).status()
    const csrf = (await bob.locator('[name=csrf]').first().getAttribute('value')) ?? ''
    expect(csrf).toMatch(/^[0-9a-f]{64}$/)
    expect(await post('/logout.php', { csrf: '0'.repeat(64) })).toBe(403)
    expect(await post('/organization.php?id=1', { csrf, title: 'I am no editor' })).toBe(403)
    expect(await post('/members.php', { csrf, action: 'add' })).toBe(403)
    expect(await post('/login.php', { csrf, name: 'alice', password: 'wrong' })).toBe(401)
    expect(await post('/login.php', { csrf, name: 'nobody', password: 'wrong' })).toBe(401)
    const unsigned = {
      'webhook-id': randomUUID(),
      'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      'webhook-signature': `v1,${randomBytes(32).toString('base64')}`,
    }
    for (const headers of [unsigned, { ...unsigned, 'webhook-signature': '' }, {}]) {
      const hook = await fetch(`${site}/hooks.php`, { method: 'POST', headers, body: '{"version":1,"items":[]}' })
      expect(hook.status).toBe(400)
    }
  })

  it('schema.sql has the trigger of membershipTrigger', async () => {
    const sql = await readFile(join(ROOT, 'examples/php-organization/schema.sql'), 'utf8')
    expect(sql).toContain(membershipTrigger({ table: 'members', subject: 'user_id', channel: 'members' }))
  })

  it('ends with one clear line where there is no Redis, no Postgres, or no PHP', async () => {
    const nowhere = `127.0.0.1:${await freePort()}`
    const [redis, postgres, php] = await Promise.all([
      failToStart('php-organization', { REDIS_URL: `redis://${nowhere}` }),
      failToStart('php-organization', { DATABASE_URL: `postgres://${nowhere}/postgres` }),
      failToStart('php-organization', { PATH: '/nowhere' }),
    ])
    expect(redis).toEqual({ code: 1, stderr: expect.stringMatching(/^No Redis answers: .*\n$/) })
    expect(postgres).toEqual({ code: 1, stderr: expect.stringMatching(/^No Postgres answers: .*\n$/) })
    expect(php).toEqual({ code: 1, stderr: expect.stringMatching(/^PHP lacks .*\n$/) })
  })
})
