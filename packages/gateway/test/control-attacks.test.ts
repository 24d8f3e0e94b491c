import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { createFindKey } from '../src/control/api-keys.ts'
import { memoryIdempotency } from '../src/control/idempotency-store.ts'
import { alice, type ControlNode, KEYS, onCleanup, soon, startNode } from './control-node.ts'

const message = { namespace: '/news', to: { namespace: true }, event: 'news', args: ['one'] }
const MIB = 1_048_576

/** Writes as told and resolves with everything that was answered, once the other side has closed or `until` was seen. */
function raw(node: ControlNode, write: (socket: Socket) => void, until: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(node.port, '127.0.0.1')
    onCleanup(() => socket.destroy())
    let answered = ''
    socket.on('error', () => {})
    socket.on('close', () => resolve(answered))
    socket.on('data', (data) => {
      answered += data.toString()
      if (answered.includes(until)) resolve(answered)
    })
    socket.once('connect', () => write(socket))
  })
}

const head = (length: string) =>
  `POST /v1/publish HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${KEYS.all}\r\nContent-Type: application/json\r\n${length}\r\n\r\n`

describe('bodies', () => {
  it('one byte over the limit is 413, whether its length is told or counted, and one at the limit is read', async () => {
    const node = await startNode()
    const { heard } = await node.client('alice')
    const padded = (length: number) => {
      const empty = JSON.stringify({ ...message, args: [''] })
      return JSON.stringify({ ...message, args: ['x'.repeat(length - empty.length)] })
    }
    const chunked = (text: string) => Readable.toWeb(Readable.from([Buffer.from(text)])) as ReadableStream<Uint8Array>
    for (const [body, status] of [
      [padded(MIB + 1), 413],
      [chunked(padded(MIB + 1)), 413],
      [chunked(padded(MIB)), 202],
    ] as const) {
      const reply = await node.call('POST', '/v1/publish', { raw: body })
      expect(reply.status).toBe(status)
      if (status === 413) expect(reply.body.code).toBe('BODY_TOO_LARGE')
    }
    await soon(() => heard.length).toBe(1)
  })

  it('a body without end is answered before it ends, and its connection is closed', async () => {
    const node = await startNode({ maxBodyBytes: 1_000 })
    const startedMs = performance.now()
    let sent = 0
    const answered = await raw(
      node,
      (socket) => {
        socket.write(head('Transfer-Encoding: chunked'))
        const timer = setInterval(() => {
          sent += 1
          socket.write(`3e8\r\n${' '.repeat(1_000)}\r\n`)
        }, 20)
        socket.once('close', () => clearInterval(timer))
      },
      'never',
    )
    expect(answered).toMatch(/^HTTP\/1\.1 413 /)
    expect(answered).toContain('BODY_TOO_LARGE')
    expect(sent).toBeGreaterThan(1)
    expect(performance.now() - startedMs).toBeLessThan(4_000)
  })

  it('without a credential no body is waited for', async () => {
    const node = await startNode()
    const request = head(`Content-Length: ${MIB}`).replace(/Authorization.*\r\n/, '')
    expect(await raw(node, (socket) => socket.write(request), 'AUTH_CREDENTIAL_MISSING')).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('that break off half-way do nothing, and are no error of the gateway', async () => {
    const node = await startNode()
    const body = JSON.stringify(message)
    const half = `${head(`Content-Length: ${body.length}`)}${body.slice(0, -1)}`
    await raw(node, (socket) => socket.end(half, () => setImmediate(() => socket.destroy())), 'never')
    await soon(() => node.audit).toMatchObject([{ operation: 'publish', status: 400, code: 'BODY_INVALID' }])
    expect(node.errors).toEqual([])
  })

  it('that two readers could read differently are 400, and nothing is sent', async () => {
    const node = await startNode()
    const { heard } = await node.client('alice')
    const text = JSON.stringify(message)
    const bodies: readonly NonNullable<RequestInit['body']>[] = [
      '',
      '{',
      `\ufeff${text}`,
      Buffer.from([...Buffer.from('{"namespace":"'), 0xff, 0xfe, 0x22, 0x7d]),
      text.replace('{', '{"namespace":"/ops",'),
      text.replace('{', '{"n\\u0061mespace":"/ops",'),
      text.replace('["one"]', '[{"a":{"__proto__":{"polluted":true}}}]'),
      text.replace('{', '{"__proto__":{"volatile":true},'),
      text.replace('"one"', '['.repeat(40) + ']'.repeat(40)),
      text.replace('"one"', '['.repeat(400_000) + ']'.repeat(400_000)),
      text.replace('"one"', `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`),
    ]
    for (const raw of bodies) {
      const reply = await node.call('POST', '/v1/publish', { raw })
      expect([reply.status, reply.body.code]).toEqual([400, 'BODY_INVALID'])
    }
    expect(({} as { polluted?: boolean }).polluted).toBe(undefined)
    // What looks like it, and is not.
    const harmless = { ...message, args: ['{"__proto__":1,"__proto__":2}', '['.repeat(100)] }
    expect((await node.call('POST', '/v1/publish', { body: harmless })).status).toBe(202)
    await soon(() => heard).toEqual([['news', ...harmless.args]])
    expect(node.errors).toEqual([])
  })

  it('of another media type, character set or compressed are 415', async () => {
    const node = await startNode()
    for (const headers of [
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    ]) {
      const reply = await node.call('POST', '/v1/publish', { raw: JSON.stringify(message), headers })
      expect([reply.status, reply.body.code]).toEqual([415, 'MEDIA_TYPE_UNSUPPORTED'])
    }
    const headers = { 'content-type': 'application/json; charset=UTF-8' }
    expect((await node.call('POST', '/v1/publish', { raw: JSON.stringify(message), headers })).status).toBe(202)
  })
})

describe('requests', () => {
  it('say by JSON pointer what does not fit, and no value', async () => {
    const node = await startNode()
    const faults = async (path: string, body: unknown) => {
      const { status, body: problem, text } = await node.call('POST', path, { body })
      expect([status, problem.code]).toEqual([422, 'REQUEST_INVALID'])
      expect(text).not.toContain('s3cret')
      return (problem.errors as { pointer: string }[]).map(({ pointer }) => pointer)
    }
    const publish = (change: object) => faults('/v1/publish', { ...message, ...change })
    expect(await faults('/v1/publish', ['s3cret'])).toEqual([''])
    expect(await publish({ namespace: 's3cret', event: 3 })).toEqual(['/namespace', '/event'])
    expect(await publish({ 'a/b~c': 's3cret' })).toEqual(['/a~1b~0c'])
    expect(await publish({ to: {} })).toEqual(['/to'])
    expect(await publish({ to: { room: 'a', namespace: true } })).toEqual(['/to'])
    expect(await publish({ to: { rooms: [] } })).toEqual(['/to/rooms'])
    expect(await publish({ to: { rooms: ['a', 5] } })).toEqual(['/to/rooms/1'])
    expect(await publish({ to: { room: 'auth|subject:["i","s3cret"]' } })).toEqual(['/to/room'])
    expect(await publish({ to: { namespace: false } })).toEqual(['/to/namespace'])
    expect(await publish({ except: { users: [{ issuer: 's3cret' }] } })).toEqual(['/except/users/0/subject'])
    expect(await publish({ args: Array(65).fill(1) })).toEqual(['/args'])
    const reserved = ['connect', 'connect_error', 'disconnect', 'disconnecting', 'newListener', 'removeListener']
    for (const event of [...reserved, 'connection', 'auth:closed', 'auth:']) {
      expect(await publish({ event })).toEqual(['/event'])
    }
    expect(await faults('/v1/revoke', { key: { session: 's3cret', tag: 'a' } })).toEqual(['/key'])
    expect(await faults('/v1/revoke', { key: { issuer: 's3cret' } })).toEqual(['/key'])
    expect(await faults('/v1/revoke', { key: alice, timeoutMs: 30_001, graceMs: -1 })).toEqual([
      '/graceMs',
      '/timeoutMs',
    ])
    expect(await faults('/v1/reconcile', { target: { everyone: true, room: 's3cret' } })).toEqual(['/target'])
    expect(await faults('/v1/tickets', { claims: ['s3cret'] })).toEqual(['/subject', '/claims'])
    const missing = await node.call('POST', '/v1/revoke', { body: {} })
    expect(missing.body.errors).toEqual([{ pointer: '/key', detail: 'is missing' }])
    const many = Array.from({ length: 1_000 }, () => ({}))
    expect(await faults('/v1/publish/batch', { messages: many })).toHaveLength(20)
  })

  it('with queries that are unknown, doubled or credentials are 422', async () => {
    const node = await startNode()
    for (const [path, parameter] of [
      ['/v1/sessions?tag=a&tag=b', 'tag'],
      ['/v1/sessions?tag=a&other=b', 'other'],
      ['/v1/sessions?session=s3cret', 'session'],
      ['/v1/openapi.yaml?namespace=/ops', 'namespace'],
    ]) {
      const { status, body, text } = await node.call('GET', path ?? '')
      expect([status, body]).toMatchObject([422, { errors: [{ parameter }] }])
      expect(text).not.toContain('s3cret')
    }
    const two = await node.call('GET', '/v1/sessions?tag=a&tokenId=b')
    expect(two.body.detail).toMatch(/^The query must be/)
    expect((await node.call('GET', '/v1/sessions')).status).toBe(422)
  })

  it('a namespace in a header, the query or the path changes nothing of what a key reaches', async () => {
    const node = await startNode()
    const [here, there] = [await node.client('alice', '/news'), await node.client('alice', '/ops')]
    const headers = { 'x-namespace': '/ops', 'x-original-url': '/v1/revoke', 'x-http-method-override': 'GET' }
    expect((await node.call('POST', '/v1/publish', { key: KEYS.news, body: message, headers })).status).toBe(202)
    const queried = await node.call('POST', '/v1/publish?namespace=/ops', { key: KEYS.news, body: message })
    expect(queried).toMatchObject({ status: 422, body: { errors: [{ parameter: 'namespace' }] } })
    for (const namespace of ['/ops', '/news/../ops', '/news?x', '/%6fps', 'ops']) {
      const reply = await node.call('POST', '/v1/publish', { key: KEYS.news, body: { ...message, namespace } })
      expect([403, 422]).toContain(reply.status)
    }
    await soon(() => here.heard).toEqual([['news', 'one']])
    expect(there.heard).toEqual([])
  })

  it('elsewhere are 404, and by another method 405 with the methods that there are', async () => {
    const node = await startNode()
    for (const path of ['/v1', '/v1/', '/v1/Publish', '/v1/publish/', '/v1//publish', '/v1/__proto__']) {
      expect((await node.call('POST', path, { body: message })).body.code).toBe('NOT_FOUND')
    }
    for (const [method, path, allow] of [
      ['GET', '/v1/publish', 'POST'],
      ['DELETE', '/v1/sessions', 'GET, HEAD, POST'],
      ['OPTIONS', '/v1/revoke', 'POST'],
      ['POST', '/v1/presence/news/a', 'GET, HEAD'],
    ] as const) {
      const reply = await node.call(method, path)
      expect([reply.status, reply.headers.get('allow')]).toEqual([405, allow])
    }
    expect(
      (await fetch(`${node.url}/v1/openapi.yaml`, { method: 'HEAD', headers: { 'x-api-key': KEYS.all } })).status,
    ).toBe(200)
  })

  it('carry one id through answer and audit log, and an id that is malformed is replaced', async () => {
    const node = await startNode()
    const given = await node.call('POST', '/v1/publish', { body: {}, headers: { 'x-request-id': 'trace-1:a.b_c' } })
    expect(given.headers.get('x-request-id')).toBe('trace-1:a.b_c')
    expect(given.body.instance).toBe('urn:portcullis:request:trace-1:a.b_c')
    expect(node.audit.at(-1)).toMatchObject({
      id: 'trace-1:a.b_c',
      operation: 'publish',
      caller: { kind: 'key', name: 'all' },
      status: 422,
      code: 'REQUEST_INVALID',
    })
    for (const id of ['a b', 'x'.repeat(129), '<script>', 'a, b']) {
      const reply = await node.call('GET', '/v1/openapi.yaml', { headers: { 'x-request-id': id } })
      expect(reply.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
    }
  })

  it('that fail for a reason nobody foresaw are 500 AUTH_ERROR, and say nothing of it', async () => {
    const node = await startNode({
      presence: { members: () => Promise.reject(new Error('password s3cret')) },
      tickets: { issuer: 'a', issue: () => Promise.reject(new Error('password s3cret')) },
      audit: () => {
        throw new Error('the audit log is full')
      },
    })
    const failed = await node.call('POST', '/v1/tickets', { body: { subject: 'alice' } })
    expect(failed).toMatchObject({ status: 500, body: { code: 'AUTH_ERROR' } })
    const absent = await node.call('GET', '/v1/presence/news/a')
    expect(absent).toMatchObject({ status: 503, body: { code: 'AUTH_UNAVAILABLE' } })
    for (const { text } of [failed, absent]) expect(text).not.toContain('s3cret')
    expect(node.errors.map(({ error }) => String(error))).toEqual(Array(2).fill('Error: password s3cret'))
  })
})

describe('keys', () => {
  it('are compared in the same time, however much of one is right', () => {
    const key = 'k'.repeat(1_000)
    const findKey = createFindKey([{ name: 'a', key, permissions: 'all' }])
    const wrong = [`x${key.slice(1)}`, `${key.slice(0, -1)}x`]
    const samples: [number[], number[]] = [[], []]
    for (let i = 0; i < 1_000; i += 1) {
      for (const [which, presented] of wrong.entries()) {
        const startedMs = performance.now()
        expect(findKey(presented) === null || presented === key).toBe(true)
        samples[which]?.push(performance.now() - startedMs)
      }
    }
    const [first, last] = samples.map((times) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0)
    // A comparison that stopped early would differ by far more than its own noise.
    expect(Math.abs((first ?? 0) - (last ?? 0))).toBeLessThan(0.25 * Math.max(first ?? 0, last ?? 0))
    expect(findKey(key)?.name).toBe('a')
  })
})

describe('Idempotency-Key', () => {
  const post = (node: ControlNode, key: string, body: unknown = message, more: Record<string, string> = {}) =>
    node.call('POST', '/v1/publish', { body, headers: { 'idempotency-key': key, ...more } })

  it('1,000 requests at once have one effect, and each is answered as the first or 409', async () => {
    const node = await startNode()
    const { heard } = await node.client('alice')
    const body = JSON.stringify(message)
    const request = `${head(`Content-Length: ${body.length}\r\nIdempotency-Key: same`)}${body}`
    const last = 'GET /v1/end HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
    // Pipelined, so that the server has them all at hand.
    const write = (socket: Socket) => void socket.write(request.repeat(100) + last)
    const answers = (await Promise.all(Array.from({ length: 10 }, () => raw(node, write, 'never')))).join('')
    const count = (pattern: RegExp) => answers.match(pattern)?.length ?? 0
    const done = count(/HTTP\/1\.1 202 /g)
    expect(done + count(/"status":409,[^{}]*"code":"IDEMPOTENCY_IN_PROGRESS"/g)).toBe(1_000)
    expect(count(/^Idempotency-Replayed: true/gm)).toBe(done - 1)
    const again = await post(node, 'same')
    expect([again.status, again.headers.get('idempotency-replayed'), again.body]).toEqual([
      202,
      'true',
      { accepted: 1 },
    ])
    await post(node, 'other', { ...message, args: ['two'] })
    await soon(() => heard).toEqual([
      ['news', 'one'],
      ['news', 'two'],
    ])
    expect(node.audit.filter(({ replayed }) => replayed)).toHaveLength(done)
  })

  it('one under way is 409, and done is answered the same on the same store', async () => {
    let finish = () => {}
    const waiting = new Promise<void>((resolve) => {
      finish = resolve
    })
    let issued = 0
    const issue = async () => {
      issued += 1
      await waiting
      return { ticket: `ticket-${issued}`, expiresInSeconds: 30 }
    }
    const idempotency = memoryIdempotency()
    const nodes = await Promise.all([0, 1].map(() => startNode({ idempotency, tickets: { issuer: 'a', issue } })))
    const [one, two] = nodes as [ControlNode, ControlNode]
    const call = { body: { subject: 'alice' }, headers: { 'idempotency-key': '"a quoted key"' } }
    const first = one.call('POST', '/v1/tickets', call)
    await soon(() => issued).toBe(1)
    const second = await two.call('POST', '/v1/tickets', call)
    expect([second.status, second.headers.get('retry-after')]).toEqual([409, '1'])
    finish()
    expect((await first).body).toEqual({ ticket: 'ticket-1', expiresInSeconds: 30 })
    expect((await two.call('POST', '/v1/tickets', call)).body.ticket).toBe('ticket-1')
    expect(issued).toBe(1)
  })

  it('with another body or for another operation is 422; of another caller it is another key', async () => {
    const node = await startNode()
    await post(node, 'k')
    const changed = await post(node, 'k', { ...message, args: ['two'] })
    expect([changed.status, changed.body.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    const elsewhere = await node.call('POST', '/v1/revoke', { body: message, headers: { 'idempotency-key': 'k' } })
    expect(elsewhere.body.code).toBe('IDEMPOTENCY_KEY_REUSED')
    const other = { key: KEYS.news, body: message, headers: { 'idempotency-key': 'k' } }
    const reply = await node.call('POST', '/v1/publish', other)
    expect([reply.status, reply.headers.get('idempotency-replayed')]).toEqual([202, null])
    const reader = await node.call('POST', '/v1/publish', { ...other, key: KEYS.reader })
    expect(reader.status).toBe(403)
  })

  it('what was refused or failed may be tried again under the same key', async () => {
    let fails = true
    const issue = async () => {
      if (fails) throw new Error('the store is away')
      return { ticket: 't', expiresInSeconds: 30 }
    }
    const node = await startNode({ tickets: { issuer: 'a', issue } })
    expect((await post(node, 'k', { ...message, event: '' })).status).toBe(422)
    expect((await post(node, 'k')).status).toBe(202)
    const call = { body: { subject: 'alice' }, headers: { 'idempotency-key': 'other' } }
    expect((await node.call('POST', '/v1/tickets', call)).status).toBe(500)
    fails = false
    expect((await node.call('POST', '/v1/tickets', call)).status).toBe(201)
  })

  it('malformed or given twice is 400', async () => {
    const node = await startNode()
    for (const key of ['', ' ', 'a b', 'x'.repeat(256), '"open', 'ä']) {
      expect([(await post(node, key)).body.code, key]).toEqual(['IDEMPOTENCY_KEY_INVALID', key])
    }
  })

  it('while the store cannot be asked nothing is done: 503', async () => {
    const store = memoryIdempotency()
    const node = await startNode({ idempotency: { ...store, claim: () => Promise.reject(new Error('away')) } })
    const { heard } = await node.client('alice')
    expect((await post(node, 'k')).body.code).toBe('AUTH_UNAVAILABLE')
    expect((await node.call('POST', '/v1/publish', { body: { ...message, event: 'last' } })).status).toBe(202)
    await soon(() => heard).toEqual([['last', 'one']])
  })

  it('the store of a process holds no more than it was told, and forgets what is over', async () => {
    let now = 0
    const store = memoryIdempotency(2, () => now)
    const claim = (id: string) => store.claim(id, `claim-${id}`, 'f', 60_000)
    expect([await claim('a'), await claim('a')]).toEqual([null, { fingerprint: 'f', answer: null }])
    await store.release('a', 'claim-b')
    expect(await claim('a')).not.toBe(null)
    await store.keep('a', 'claim-a', { fingerprint: 'f', answer: { status: 202, body: '{}' } }, 86_400_000)
    now = 86_399_999
    expect((await claim('a'))?.answer?.status).toBe(202)
    now += 1
    expect(await claim('a')).toBe(null)
    await claim('b')
    await claim('c')
    expect(await claim('a')).toBe(null)
  })
})
