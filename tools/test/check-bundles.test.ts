import { describe, expect, it } from 'vitest'
import { checkBundles } from '../check-bundles.mjs'
import { writeTree } from './fixture.ts'

const HOME = 'packages/portcullis'
const MANIFEST = {
  name: 'portcullis',
  type: 'module',
  dependencies: { jose: '*', semver: '*' },
  peerDependencies: { 'socket.io': '*', 'socket.io-client': '*' },
}
const CLEAN: Record<string, unknown> = {
  [`${HOME}/package.json`]: MANIFEST,
  [`${HOME}/dist/protocol.js`]: 'export const EVENT = "auth:join"',
  [`${HOME}/dist/client/index.js`]: 'import { EVENT } from "../protocol.js"; export const event = () => EVENT',
  [`${HOME}/dist/index.js`]:
    'import { createHash } from "node:crypto"; import { Server } from "socket.io"; export const a = [createHash, Server]',
}

const check = (files: Record<string, unknown>) => checkBundles(writeTree({ ...CLEAN, ...files }))
const client = (code: string) => check({ [`${HOME}/dist/client/index.js`]: code })
const server = (code: string) => check({ [`${HOME}/dist/index.js`]: code })

describe('check-bundles', () => {
  it('accepts a client of the wire alone, and says what it weighs', async () => {
    const { violations, sizes } = await check({})
    expect(violations).toEqual([])
    expect(sizes[0]).toMatch(/^portcullis\/client {2}\d+ bytes with brotli of 3072, 2 modules$/)
  })

  it('says which entry has not been built', async () => {
    const { violations } = await checkBundles(writeTree({ [`${HOME}/package.json`]: MANIFEST }))
    expect(violations).toEqual([
      'packages/portcullis/dist/client/index.js does not exist; is it built?',
      'packages/portcullis/dist/index.js does not exist; is it built?',
    ])
  })

  it.each(['core', 'server'])('refuses code of %s in the client', async (room) => {
    const { violations } = await check({
      [`${HOME}/dist/${room}/lease.js`]: 'export const lease = () => Date.now()',
      [`${HOME}/dist/client/index.js`]: `export { lease } from "../${room}/lease.js"`,
    })
    expect(violations).toEqual([
      `portcullis/client contains dist/${room}/lease.js; a browser gets the wire and nothing else`,
    ])
  })

  it('refuses jose in the client', async () => {
    const { violations } = await client('export { decodeJwt } from "jose"')
    expect(violations).toContain('portcullis/client contains jose; a browser gets the wire and nothing else')
  })

  it.each([
    ['import "node:crypto"', 'node:crypto'],
    ['import "../index.js"', 'dist/index.js'],
  ])('refuses what is not its own in the client of old pages: %s', async (code, what) => {
    const { violations } = await check({ [`${HOME}/dist/compat/socketio-0.9-client.js`]: code })
    expect(violations).toContain(
      `portcullis/compat/socketio-0.9-client contains ${what}; an old page gets its own events and nothing else`,
    )
  })

  it.each(['node:crypto', 'crypto'])('refuses %s in the client', async (name) => {
    const { violations } = await client(
      `import { createHash } from "${name}"; export const a = () => createHash("md5")`,
    )
    expect(violations).toHaveLength(1)
    expect(violations[0]).toMatch(/^portcullis\/client (imports node:crypto|contains crypto); /)
  })

  it('refuses a client over 3072 bytes', async () => {
    const noise = Array.from({ length: 2000 }, (_, i) => Math.imul(i + 1, 2_654_435_761).toString(36)).join('')
    const { violations } = await client(`export const noise = "${noise}"`)
    expect(violations).toEqual([
      expect.stringMatching(/^portcullis\/client weighs \d+ bytes with brotli, over 3072; every visitor/),
    ])
  })

  it.each(['socket.io-client', 'pg', 'redis', 'express-session', 'passport', 'jose'])(
    'refuses %s in the entry',
    async (name) => {
      const { violations } = await server(`import * as all from "${name}"; export const found = () => all`)
      expect(violations).toContain(
        `portcullis imports ${name}; the entry must start without it, whoever needs it imports a subpath`,
      )
    },
  )

  it('refuses a package that package.json does not declare, also where it is imported late', async () => {
    const { violations } = await check({
      [`${HOME}/dist/index.js`]: 'export { a } from "./late.js"',
      [`${HOME}/dist/late.js`]: 'export const a = () => [import("@types/none"), import("zod")]',
    })
    for (const name of ['zod', '@types/none']) {
      expect(violations).toContain(
        `portcullis imports ${name}, which its package.json does not declare; a user may not have it`,
      )
    }
  })

  it('accepts a declared package and its subpaths', async () => {
    const { violations } = await server(
      'import gt from "semver/functions/gt.js"; export const a = () => gt("2.0.0", "1.0.0")',
    )
    expect(violations).toEqual([])
  })

  it('refuses a strategy in the entry', async () => {
    const { violations } = await check({
      [`${HOME}/dist/strategies/jwt.js`]: 'export const jwt = () => 1',
      [`${HOME}/dist/index.js`]: 'export { jwt } from "./strategies/jwt.js"',
    })
    expect(violations).toEqual([
      'portcullis imports dist/strategies/jwt.js; what has a subpath of its own is not in the entry',
    ])
  })
})
