/**
 * Twelve secrets of the tests, drawn anew for each run: in every form in which one could be written down they hold one mark, so that all
 * that a run logs, emits and stores can be searched for one text. Fixtures take theirs by `planted(kind)` of their package.
 */

import { randomBytes } from 'node:crypto'

export const KINDS = [
  'jwt',
  'hmac-secret',
  'cookie-secret',
  'session-id',
  'api-key',
  'password',
  'ticket',
  'dsn-password',
  'introspection-client-secret',
  'webhook-signing-key',
  'php-session-id',
  'pem-private-key',
] as const
export type Kind = (typeof KINDS)[number]
export type Secrets = Readonly<Record<Kind, string>>

const MARK_LENGTH = 12
/** Long enough for every strategy, and of letters and digits, which no format escapes. */
const LENGTH = 32
/** Of an Ed25519 key in PKCS #8 (RFC 8410), before its 32 bytes. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex')

export function drawSecrets(): Secrets {
  const mark = drawMark()
  const drawn = KINDS.map((kind, i) => {
    const text = `${mark}${String(i).padStart(2, '0')}`.padEnd(LENGTH, letters(LENGTH))
    return [kind, formatOf(kind, text)]
  })
  return Object.fromEntries(drawn) as Secrets
}

/** As the thing is that it stands for; a JWT carries its text in its header, a key in its 32 bytes. */
function formatOf(kind: Kind, text: string): string {
  if (kind === 'webhook-signing-key') return `whsec_${Buffer.from(text).toString('base64')}`
  if (kind !== 'pem-private-key') return text
  const body = Buffer.concat([PKCS8_HEAD, Buffer.from(text)]).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`
}

export interface Search {
  /** Which of them a text holds, as they are or in base64, base64url or hexadecimal; none for an empty list. */
  in(text: string): readonly Kind[]
}

export function searchFor(secrets: Secrets): Search {
  const mark = secrets.jwt.slice(0, MARK_LENGTH)
  const marks = formsOf(mark)
  const forms = KINDS.map((kind) => ({ kind, forms: formsOf(`${mark}${secretText(secrets[kind], kind)}`) }))
  return {
    in(text) {
      if (!marks.some((form) => text.includes(form))) return []
      return forms.filter((each) => each.forms.some((form) => text.includes(form))).map(({ kind }) => kind)
    },
  }
}

/** The number after the mark, and what follows it. */
function secretText(secret: string, kind: Kind): string {
  if (kind === 'webhook-signing-key') {
    return Buffer.from(secret.slice('whsec_'.length), 'base64')
      .toString()
      .slice(MARK_LENGTH, MARK_LENGTH + 6)
  }
  if (kind === 'pem-private-key') {
    const bytes = Buffer.from(secret.split('\n')[1] ?? '', 'base64')
    return bytes
      .subarray(PKCS8_HEAD.length)
      .toString()
      .slice(MARK_LENGTH, MARK_LENGTH + 6)
  }
  return secret.slice(MARK_LENGTH, MARK_LENGTH + 6)
}

/** Base64 writes a text in three ways, by where in a group of three bytes it begins; without its ends, which depend on its neighbours. */
function formsOf(text: string): readonly string[] {
  const based = [0, 1, 2].map((before) => {
    const written = Buffer.from('\0'.repeat(before) + text)
      .toString('base64')
      .replaceAll('=', '')
    return written.slice(before === 0 ? 0 : before + 1, (before + text.length) % 3 === 0 ? undefined : -1)
  })
  return [text, ...based, ...based.map(toUrl), Buffer.from(text).toString('hex')].filter(isFirst)
}

const toUrl = (text: string) => text.replaceAll('+', '-').replaceAll('/', '_')
const isFirst = (value: string, i: number, all: readonly string[]) => all.indexOf(value) === i

/** Begins with a letter, so that no number runs into it. */
function drawMark(): string {
  return `q${letters(MARK_LENGTH - 1)}`
}

function letters(count: number): string {
  return randomBytes(count * 4)
    .toString('base64')
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, count)
}
