/** Chromium on the inspector's page. */

import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll } from 'vitest'
import { PASSWORDS } from './newsroom.ts'

const ARGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

/** A browser, and what it complained about: errors of scripts, and what the content security policy refused. */
export interface Browser {
  readonly context: BrowserContext
  readonly complaints: readonly string[]
  open(url: string): Promise<Page>
}

export async function launch(): Promise<Browser> {
  const folder = await mkdtemp(join(tmpdir(), 'inspector-test-'))
  const complaints: string[] = []
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ARGS.split(' '),
    viewport: { width: 1440, height: 900 },
  })
  afterAll(async () => {
    await context.close()
    await rm(folder, { recursive: true, force: true })
  })
  context.setDefaultTimeout(8_000)
  return {
    context,
    complaints,
    async open(url) {
      const page = await context.newPage()
      page.on('pageerror', (error) => complaints.push(error.message))
      page.on('console', (message) => {
        if (message.type() === 'error' && !/status of (401|503)/.test(message.text())) complaints.push(message.text())
      })
      await page.goto(url)
      return page
    },
  }
}

export async function logIn(page: Page, name: keyof typeof PASSWORDS = 'ada'): Promise<void> {
  await page.getByLabel('Name').fill(name)
  await page.getByLabel('Password').fill(PASSWORDS[name])
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('navigation', { name: 'Views' }).waitFor()
}

/** `SCREENSHOTS` names a folder for pictures of what a person sees. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS
  if (folder === undefined) return
  await mkdir(folder, { recursive: true })
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true })
}
