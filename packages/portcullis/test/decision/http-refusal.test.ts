import { IncomingMessage, ServerResponse } from 'node:http'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { AuthError, type AuthErrorCode, type AuthErrorOptions, CODES, refusalOf } from '../../src/errors.ts'
import { isUpgrade, writeRefusal } from '../../src/server/http-refusal.ts'

/** The other end of a connection: all that was written, and whether it is still there. */
function connected() {
  const written: string[] = []
  const socket = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  const request = new IncomingMessage(socket as never)
  return {
    socket,
    request,
    response() {
      const response = new ServerResponse(request)
      response.assignSocket(socket as never)
      return response
    },
    answer() {
      const [head = '', body = ''] = written.join('').split('\r\n\r\n')
      const [status = '', ...lines] = head.split('\r\n')
      return { status, headers: Object.fromEntries(lines.map((line) => line.split(': ', 2))), body }
    },
  }
}

function refused(code: AuthErrorCode, options: AuthErrorOptions = {}) {
  const { request, response, answer } = connected()
  writeRefusal(request, response(), new AuthError(code, options))
  return answer()
}

describe('a refused HTTP request', () => {
  it.each(Object.keys(CODES) as AuthErrorCode[])('is answered with the status and the body of %s', (code) => {
    const { status, headers, body } = refused(code)
    expect(status.split(' ')[1]).toBe(String(CODES[code].http))
    expect(JSON.parse(body)).toEqual(refusalOf(code))
    expect(headers).toMatchObject({
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    })
  })

  it.each<[AuthErrorCode, string | undefined]>([
    ['AUTH_CREDENTIAL_MISSING', 'Bearer'],
    ['AUTH_CREDENTIAL_INVALID', 'Bearer error="invalid_token"'],
    ['AUTH_EXPIRED', 'Bearer error="invalid_token"'],
    ['AUTH_INSUFFICIENT_SCOPE', 'Bearer error="insufficient_scope"'],
    ['AUTH_FORBIDDEN', undefined],
    ['AUTH_UNAVAILABLE', undefined],
  ])('with %s is challenged with %j', (code, challenge) => {
    expect(refused(code).headers['WWW-Authenticate']).toBe(challenge)
  })

  it('is told when to come again, in the header and in the body', () => {
    const later = refused('AUTH_RATE_LIMITED', { retryAfterSeconds: 7 })
    expect(later.headers['Retry-After']).toBe('7')
    expect(JSON.parse(later.body)).toEqual({ ...refusalOf('AUTH_RATE_LIMITED'), retryAfterMs: 7_000 })
    const unknown = refused('AUTH_UNAVAILABLE')
    expect(unknown.headers['Retry-After']).toBe('1')
    expect(JSON.parse(unknown.body)).not.toHaveProperty('retryAfterMs')
  })

  it('is not told so where coming again is of no use', () => {
    const never = refused('AUTH_FORBIDDEN', { retryAfterSeconds: 7 })
    expect(never.headers).not.toHaveProperty('Retry-After')
    expect(JSON.parse(never.body)).toEqual(refusalOf('AUTH_FORBIDDEN'))
  })

  it('shows neither reason nor cause', () => {
    const { headers, body } = refused('AUTH_ERROR', { reason: 'secret', cause: new Error('secret') })
    expect(JSON.stringify([headers, body])).not.toContain('secret')
  })

  it('is left alone when it was answered already', () => {
    const { request, response, answer } = connected()
    const sent = response()
    sent.writeHead(204).end()
    writeRefusal(request, sent, new AuthError('AUTH_FORBIDDEN'))
    expect(answer()).toMatchObject({ status: 'HTTP/1.1 204 No Content', body: '' })
  })

  it('is left alone when its client has gone', () => {
    const { request, response, answer } = connected()
    const gone = response()
    gone.destroy()
    writeRefusal(request, gone, new AuthError('AUTH_FORBIDDEN'))
    expect(answer().status).toBe('')
  })
})

describe('a refused upgrade', () => {
  it('is known by its answer, which Node would not have made', () => {
    const { response } = connected()
    expect([isUpgrade(response()), isUpgrade({}), isUpgrade(undefined)]).toEqual([false, true, true])
  })

  it('is answered on the socket itself, which is closed behind the answer', async () => {
    const { request, socket, answer } = connected()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    writeRefusal(request, {}, new AuthError('AUTH_RATE_LIMITED', { retryAfterSeconds: 2 }))
    await closed
    const { status, headers, body } = answer()
    expect(status).toBe('HTTP/1.1 429 Too Many Requests')
    expect(headers).toMatchObject({
      Connection: 'close',
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(body)),
      'Retry-After': '2',
    })
    expect(JSON.parse(body)).toEqual({ ...refusalOf('AUTH_RATE_LIMITED'), retryAfterMs: 2_000 })
    expect(socket.destroyed).toBe(true)
  })

  it('is dropped where nothing can be written any more', () => {
    const { request, socket, answer } = connected()
    socket.end()
    writeRefusal(request, {}, new AuthError('AUTH_FORBIDDEN'))
    expect([socket.destroyed, answer().status]).toEqual([true, ''])
  })
})
