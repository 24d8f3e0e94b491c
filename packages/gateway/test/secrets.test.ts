import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadSecrets } from '../src/demo/secrets.ts'
import { StartError } from '../src/start-error.ts'
import { temporaryFolder } from './temporary.ts'

const modeOf = async (file: string) => (await stat(file)).mode & 0o777

describe('secrets', () => {
  it('are made once, for their owner alone, and are the same at the next start', async () => {
    const folder = join(await temporaryFolder(), 'data')
    const first = await loadSecrets(folder)
    expect(await readdir(folder)).toEqual(['secrets.json'])
    expect(await modeOf(join(folder, 'secrets.json'))).toBe(0o600)
    expect(first.warning).toBeNull()
    expect(await loadSecrets(folder)).toEqual(first)
  })

  it('are 256 bits each, and differ from folder to folder', async () => {
    const [a, b] = [await loadSecrets(await temporaryFolder()), await loadSecrets(await temporaryFolder())]
    for (const name of ['session', 'token'] as const) {
      expect(Buffer.from(a.secrets[name], 'base64url')).toHaveLength(32)
      expect(a.secrets[name]).not.toBe(b.secrets[name])
    }
    expect(a.secrets.session).not.toBe(a.secrets.token)
    expect(a.secrets.demo.alice).toMatch(/^([a-z2-9]{4}-){3}[a-z2-9]{4}$/)
    expect(new Set([...Object.values(a.secrets.demo), ...Object.values(b.secrets.demo)]).size).toBe(6)
  })

  it('are the same for two starts at once', async () => {
    const folder = await temporaryFolder()
    const loaded = await Promise.all(Array.from({ length: 8 }, () => loadSecrets(folder)))
    for (const each of loaded) expect(each).toEqual(loaded[0])
    expect(await readdir(folder)).toEqual(['secrets.json'])
  })

  it('that others could read are closed to them, with a warning that says what to do', async () => {
    const folder = await temporaryFolder()
    await loadSecrets(folder)
    const file = join(folder, 'secrets.json')
    await chmod(file, 0o644)
    const { warning } = await loadSecrets(folder)
    expect(warning).toMatch(/could be read by other users; its mode is now 600/)
    expect(await modeOf(file)).toBe(0o600)
    expect((await loadSecrets(folder)).warning).toBeNull()
  })

  it.each(['', '{"session":', '{}', 'null', '{"session":"short","token":"short","demo":{}}'])(
    'that are damaged (%j) end the start with one line and stay as they are',
    async (text) => {
      const folder = await temporaryFolder()
      const file = join(folder, 'secrets.json')
      await writeFile(file, text)
      const error = await loadSecrets(folder).catch((cause: unknown) => cause)
      expect(error).toBeInstanceOf(StartError)
      expect((error as Error).message).toMatch(/^.*secrets\.json is damaged; restore it, or delete it.*$/)
      expect(await readFile(file, 'utf8')).toBe(text)
    },
  )

  it.runIf(process.platform === 'linux')(
    'cannot be kept in a folder that takes none, which is said rather than tried for ever',
    async () => {
      await expect(loadSecrets('/proc/none/below')).rejects.toThrow(/^DATA_DIR: cannot write to .* \(ENOENT\)/)
    },
  )

  it('are kept in a folder several levels down', async () => {
    const folder = join(await temporaryFolder(), 'a', 'b', 'c')
    expect((await loadSecrets(folder)).warning).toBeNull()
  })

  it('cannot be kept where a file stands in the way: one line says so', async () => {
    const file = join(await temporaryFolder(), 'file')
    await writeFile(file, '')
    for (const folder of [file, join(file, 'below')]) {
      await expect(loadSecrets(folder)).rejects.toThrow(
        /^DATA_DIR: cannot write to .* \((EEXIST|ENOTDIR)\); set DATA_DIR to .*$/,
      )
    }
  })
})
