import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { AuthError, CODES, refusalOf } from '../../src/errors.ts'

describe('AuthError', () => {
  it.each(Object.entries(CODES))('%s has the status, retry and message of the table', (code, entry) => {
    const error = new AuthError(code as keyof typeof CODES)
    expect(error).toMatchObject({ code, status: entry.http, retry: entry.retry, message: entry.message })
    expect(refusalOf(error.code)).toEqual({ code, message: entry.message, retry: entry.retry })
    expect(Object.isFrozen(refusalOf(error.code))).toBe(true)
  })

  it('shows neither reason nor cause in its message, nor its cause in JSON', () => {
    const error = new AuthError('AUTH_UNAVAILABLE', { reason: 'store', cause: new Error('postgres://user:secret@db') })
    expect(error.message).toBe(CODES.AUTH_UNAVAILABLE.message)
    expect(JSON.stringify(error)).not.toContain('secret')
  })

  it('is known by its brand, not by its class', () => {
    const copy = Object.assign(new Error('x'), { brand: 'portcullis.AuthError', code: 'AUTH_EXPIRED' })
    expect(AuthError.is(copy)).toBe(true)
    expect(AuthError.is(Object.assign(new Error('x'), { brand: 'portcullis.AuthError', code: 'toString' }))).toBe(false)
    expect(AuthError.is(new Error('x'))).toBe(false)
    expect(AuthError.is({ brand: 'portcullis.AuthError', code: 'AUTH_EXPIRED' })).toBe(false)
  })

  it('has the codes, statuses and retries that docs/codes.md lists', async () => {
    const page = await readFile(new URL('../../../../docs/codes.md', import.meta.url), 'utf8')
    const rows = [...page.matchAll(/^\| (AUTH_\w+) \| (\d+) \| (\w+) \|/gm)].map(([, code, http, retry]) => [
      code,
      Number(http),
      retry,
    ])
    expect(rows).toEqual(Object.entries(CODES).map(([code, { http, retry }]) => [code, http, retry]))
  })
})
