/** The commands, as functions of their arguments and a terminal. */

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { check } from '../src/cli/check.ts'
import type { Command } from '../src/cli/command.ts'
import { explain } from '../src/cli/explain.ts'
import { hashPasswordCommand } from '../src/cli/hash-password.ts'
import { token } from '../src/cli/token.ts'
import { trigger } from '../src/cli/trigger.ts'
import { CONTROL_KEY, connect, HEAD, openOn, SECRET } from './opened.ts'
import { temporaryFolder } from './temporary.ts'

const NEWS = `namespaces:
  /news:
    connect: true
    rooms:
      org.{id}: { allow: { all: [ has(identity.claims.org), identity.claims.org == params.id ] } }
`

interface Ran {
  readonly code: number
  readonly out: string
}

async function run(command: Command, args: readonly string[], input = '', env: object = {}): Promise<Ran> {
  const out: string[] = []
  const terminal = {
    env: { JWT_SECRET: SECRET, CONTROL_KEY, ...env },
    print: (text: string) => void out.push(text),
    complain: (text: string) => void out.push(text),
    read: async () => input,
  }
  return { code: await command(args, terminal), out: out.join('\n') }
}

async function fileWith(rest: string): Promise<string> {
  const file = join(await temporaryFolder(), 'portcullis.yaml')
  await writeFile(file, HEAD + rest)
  return file
}

describe('check', () => {
  it('prints who may do what, also as JSON', async () => {
    const file = await fileWith(NEWS)
    const { code, out } = await run(check, [file])
    expect(code).toBe(0)
    expect(out).toMatch(/is valid/)
    expect(out).toMatch(
      /\/news +join org\.\{id\} +all of \(has\(identity\.claims\.org\); identity\.claims\.org == params\.id\)/,
    )
    expect(out).toMatch(/\(others\) +anything +nobody/)
    const { permissions } = JSON.parse((await run(check, [file, '--json'])).out)
    expect(permissions).toContainEqual({ namespace: '/news', action: 'connect', who: 'everyone' })
  })

  it('finds the mistake of a policy in shadow too', async () => {
    const file = await fileWith(`${NEWS}shadow: next.yaml\n`)
    await writeFile(join(file, '..', 'next.yaml'), HEAD + NEWS.replace('true', 'tru'))
    await expect(run(check, [file])).rejects.toThrow(/next\.yaml:\d+:5: "namespaces\.\/news\.connect" cannot work/)
  })
})

describe('what is deployed', () => {
  const deployed = (name: string) => fileURLToPath(new URL(`../deploy/${name}`, import.meta.url))

  it('is a valid file, and a table that says what has changed in it', async () => {
    const env = {
      REDIS_URL: 'redis://redis:6379',
      DATABASE_URL: 'postgres://a:b@postgres/c',
      NODES_SECRET: SECRET,
      TOKEN_SECRET: SECRET,
    }
    expect(await run(check, [deployed('portcullis.yaml')], '', env)).toMatchObject({ code: 0 })
    const { out } = await run(trigger, ['--table', 'members', '--subject', 'user_id', '--channel', 'members'])
    expect(await readFile(deployed('schema.sql'), 'utf8')).toContain(out)
  })
})

describe('token', () => {
  it('mints what the gateway admits, and says of a token whether it would', async () => {
    const opened = await openOn(NEWS)
    const minted = await run(token, [
      'mint',
      opened.file,
      '--subject',
      'user-42',
      '--claims',
      '{"org":"acme"}',
      '--seconds',
      '60',
    ])
    expect(decodeJwt(minted.out)).toMatchObject({ sub: 'user-42', org: 'acme', aud: 'gateway' })
    const inspected = await run(token, ['inspect', opened.file], `Bearer ${minted.out}\n`)
    expect(inspected).toMatchObject({ code: 0 })
    expect(inspected.out).toMatch(/"sub": "user-42"[\s\S]*strategy jwt of https:\/\/id\.example: would take it/)

    const forged = `${minted.out.slice(0, -3)}AAA`
    expect(await run(token, ['inspect', opened.file], forged)).toMatchObject({
      code: 1,
      out: expect.stringContaining('signed with another key'),
    })
    await expect(run(token, ['inspect'], 'no token')).rejects.toThrow('holds no JSON Web Token')
    await expect(run(token, ['mint', opened.file])).rejects.toThrow('--subject is required')
    await expect(run(token, ['mint', opened.file, '--subject', 'a', '--seconds', '100000'])).rejects.toThrow(
      /from 1 to 86400/,
    )
  })
})

describe('explain', () => {
  it('asks the live gateway, and ends with 1 for a denial; no claim is told', async () => {
    const opened = await openOn(NEWS)
    const socket = await connect(opened, '/news', 'user-42', { org: 'acme' })
    const asked = ['--control', opened.control, '--key-env', 'CONTROL_KEY']
    const who = ['--issuer', 'https://id.example', '--subject', 'user-42', '--namespace', '/news']
    expect(await run(explain, [...asked, ...who, '--room', 'org.acme'])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^permit, by rooms\.org\.\{id\}/),
    })
    const denied = await run(explain, [
      ...asked,
      // An id may begin with a dash.
      `--socket=${socket.id}`,
      '--namespace',
      '/news',
      '--room',
      'org.globex',
    ])
    expect(denied.code).toBe(1)
    expect(denied.out).toMatch(/^deny AUTH_FORBIDDEN, by rooms\.org\.\{id\}/)
    expect(denied.out).toMatch(
      /permit +has\(identity\.claims\.org\)\n +deny +identity\.claims\.org == params\.id +AUTH_FORBIDDEN/,
    )
    expect(denied.out).not.toContain('acme')
    await expect(run(explain, ['--control', opened.control, '--key-env', 'NOWHERE', ...who])).rejects.toThrow(
      'NOWHERE is not set',
    )
    await expect(run(explain, ['--control', opened.control, '--key-env', 'JWT_SECRET', ...who])).rejects.toThrow(
      /answered 401/,
    )
  })
})

it('hash-password and trigger print what a file and a database need', async () => {
  const { out } = await run(hashPasswordCommand, [], 'a long password\n')
  expect(out).toMatch(/^\$scrypt\$/)
  await expect(run(hashPasswordCommand, [], 'short')).rejects.toThrow('at least 12 characters')
  const sql = await run(trigger, ['--table', 'app.members', '--subject', 'user_id', '--channel', 'members'])
  expect(sql.out).toContain('on "app"."members"')
  await expect(
    run(trigger, ['--table', 'members', '--subject', 'user_id', '--channel', 'x'.repeat(64)]),
  ).rejects.toThrow(/channel/)
})
