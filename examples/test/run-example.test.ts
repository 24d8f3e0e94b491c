import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { failToStart, ROOT } from './running.ts'

const folders = readdirSync(`${ROOT}/examples`).filter((name) => /^\d\d-/.test(name))

describe('npm run example', () => {
  it.each([
    ['99', 'There is no example "99".'],
    ['01-how', 'There is no example "01-how".'],
    ['', 'There is no example "".'],
  ])('says which examples exist when it is given %j', async (number, first) => {
    const { code, stderr } = await failToStart(number, {})
    expect(code).toBe(1)
    expect(stderr.split('\n')[0]).toBe(`${first} npm run example NN, where NN is one of`)
    expect(stderr.match(/^ {2}\d\d {2}.+\?$/gm)).toHaveLength(folders.length)
  })

  it('says which port is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as AddressInfo
    const ended = await failToStart('07', { PORT: String(port) })
    taken.close()
    expect(ended).toEqual({ code: 1, stderr: `Port ${port} is in use: set PORT to another.\n` })
  })
})

describe.each(folders)('%s', (folder) => {
  const read = (name: string) => readFile(`${ROOT}/examples/${folder}/${name}`, 'utf8')

  it('has a server under 80 lines, checked by TypeScript, and a README of at most 30', async () => {
    const server = await read('server.mjs')
    expect(server.split('\n').length - 1).toBeLessThan(80)
    expect(server.startsWith('// @ts-check\n')).toBe(true)
    const readme = await read('README.md')
    expect(readme.split('\n').length - 1).toBeLessThanOrEqual(30)
    expect(readme).toContain(`npm run example ${folder.slice(0, 2)}\n`)
  })
})
