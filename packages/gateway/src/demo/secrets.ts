/** Secrets: generated at the first start into `DATA_DIR/secrets.json`, which only its owner can read. */

import { randomBytes, randomInt } from 'node:crypto'
import { chmod, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { reasonOf, StartError } from '../start-error.ts'
import { DEMO_NAMES } from './demo-data.ts'

const secret = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const schema = z.object({
  /** Signs session cookies. */
  session: secret,
  /** Signs tokens (HS256): 32 random bytes in base64url. */
  token: secret,
  /** Passwords of the demo's users, by name; printed at start in demo mode and nowhere else. */
  demo: z.record(z.enum(DEMO_NAMES), z.string().min(12)),
})

export type Secrets = z.infer<typeof schema>

export interface SecretsFile {
  readonly secrets: Secrets
  /** Something that the operator should know, or null. */
  readonly warning: string | null
}

const FILE = 'secrets.json'

/**
 * Reads the secrets, or makes them. Two gateways that start together end up with the same.
 *
 * @throws StartError when the folder cannot be written or the file is damaged
 */
export async function loadSecrets(dataDir: string): Promise<SecretsFile> {
  const file = join(dataDir, FILE)
  try {
    // Root starts PostgreSQL as another user, who must be able to pass through this folder, though not to list it.
    await makeFolder(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700)
    const known = await readSecrets(file)
    if (known !== null) return known
    await writeOnce(file, `${JSON.stringify(generateSecrets(), null, 2)}\n`)
    return (await readSecrets(file)) ?? fail(file, 'is gone as soon as it is written')
  } catch (error) {
    if (error instanceof StartError) throw error
    const reason = reasonOf(error)
    throw new StartError(
      `DATA_DIR: cannot write to ${dataDir} (${reason}); set DATA_DIR to a folder that this user may write`,
    )
  }
}

/** Not `recursive: true`, which never ends below a folder that refuses to hold any, such as /proc (Node 20). */
async function makeFolder(folder: string, mode: number): Promise<void> {
  const reason = await mkdir(folder, { mode }).then(() => null, reasonOf)
  if (reason === null || (reason === 'EEXIST' && (await stat(folder)).isDirectory())) return
  if (reason !== 'ENOENT' || dirname(folder) === folder) throw Object.assign(new Error(reason), { code: reason })
  await makeFolder(dirname(folder), mode)
  await mkdir(folder, { mode })
}

async function readSecrets(file: string): Promise<SecretsFile | null> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (reasonOf(error) === 'ENOENT') return null
    throw new StartError(`${file} cannot be read (${reasonOf(error)}); make it readable for this user`)
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return fail(file, 'is damaged')
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) return fail(file, 'is damaged')
  return { secrets: parsed.data, warning: await closeToOthers(file) }
}

/** Windows knows no such mode; there the folder's own permissions count. */
async function closeToOthers(file: string): Promise<string | null> {
  if (process.platform === 'win32' || ((await stat(file)).mode & 0o077) === 0) return null
  await chmod(file, 0o600)
  return `${file} could be read by other users; its mode is now 600. If others use this machine, delete it and start again.`
}

function fail(file: string, what: string): never {
  throw new StartError(`${file} ${what}; restore it, or delete it (then everyone has to log in again)`)
}

/** Never leaves half a file, and never replaces one: `link` fails where the name exists. */
async function writeOnce(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
    await link(draft, file).catch((error: unknown) => {
      if (reasonOf(error) !== 'EEXIST') throw error
    })
  } finally {
    await handle.close()
    await rm(draft, { force: true })
  }
}

function generateSecrets(): Secrets {
  const demo = Object.fromEntries(DEMO_NAMES.map((name) => [name, readablePassword()])) as Secrets['demo']
  return { session: randomBytes(32).toString('base64url'), token: randomBytes(32).toString('base64url'), demo }
}

/** Without letters and digits that look alike; 16 of 31 signs are 79 bits. */
const SIGNS = 'abcdefghjkmnpqrstuvwxyz23456789'

function readablePassword(): string {
  const group = () => Array.from({ length: 4 }, () => SIGNS.charAt(randomInt(SIGNS.length))).join('')
  return [group(), group(), group(), group()].join('-')
}
