import { deny, permit } from 'portcullis'
import { type HookItem, httpHooks } from 'portcullis/hooks/http'
import { describe, expect, it } from 'vitest'
import { backend, rawBackend, SECRET } from '../strategies/webhook-fixtures.ts'
import { type HookBackend, hookBackend, hooksOf, joining, outcomeOf, sending, user } from './hooks-fixtures.ts'

const join = (site: Pick<HookBackend, 'url'>, options = {}) => outcomeOf(hooksOf(site, options).join(joining('room:1')))
const ok = (items: readonly HookItem[], more: object = { permit: true }) => ({
  items: items.map(({ id }) => ({ id, ...more })),
})

describe('an answer of status 200 is needed', () => {
  it.each([
    100, 201, 202, 203, 204, 206, 300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 409, 413, 429, 500, 502, 503,
  ])('%i with a permit in it permits nothing, and is AUTH_UNAVAILABLE', async (status) => {
    const site = await hookBackend()
    site.instead = (items) => ({ status, headers: { location: `${site.url}/elsewhere` }, body: ok(items) })
    if (status === 100) {
      const raw = await rawBackend((socket) => socket.end('HTTP/1.1 100 Continue\r\n\r\n'))
      expect(await join({ url: raw.origin })).toMatchObject(['AUTH_UNAVAILABLE', expect.any(String)])
      return
    }
    expect(await join(site)).toEqual(['AUTH_UNAVAILABLE', 'status'])
    expect(site.requests).toHaveLength(1)
  })
})

describe('an answer that is no answer decides nothing', () => {
  const bodies: Record<string, (items: readonly HookItem[]) => unknown> = {
    'no JSON': () => '<html>it works</html>',
    nothing: () => '',
    'JSON that breaks off': (items) => JSON.stringify(ok(items)).slice(0, -2),
    'JSON with more behind it': (items) => `${JSON.stringify(ok(items))}{}`,
    'a list': (items) => ok(items).items,
    null: () => 'null',
    true: () => 'true',
    'no items': () => ({ permit: true }),
    'items that are no list': (items) => ({ items: { 0: ok(items).items[0], length: 1 } }),
    'items twice': (items) => `{"items":[],"items":${JSON.stringify(ok(items).items)}}`,
    'permit twice': ([first]) => `{"items":[{"id":"${first?.id}","permit":false,"permit":true}]}`,
    'a byte order mark': (items) => `\ufeff${JSON.stringify(ok(items))}`,
    'no UTF-8': (items) => Buffer.from(JSON.stringify(ok(items)).replace('permit', 'permit\u00ff'), 'latin1'),
    '17 levels': (items) => ({ ...ok(items), deep: JSON.parse('['.repeat(16) + ']'.repeat(16)) }),
  }
  it.each(Object.keys(bodies))('%s', async (name) => {
    const site = await hookBackend()
    site.instead = (items) => ({ body: bodies[name]?.(items) })
    expect(await join(site)).toEqual(['AUTH_UNAVAILABLE', 'answer_malformed'])
  })

  it('10 MB are not read to the end', async () => {
    const { origin, connections } = await backend((_request, response) => {
      response.on('error', () => {})
      response.end(Buffer.alloc(10_000_000, ' '))
    })
    expect(await join({ url: origin })).toEqual(['AUTH_UNAVAILABLE', 'too_large'])
    expect(connections()).toBe(1)
  })

  it('one that drips is over after timeoutMs', async () => {
    const { origin } = await backend((_request, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(drip))
    })
    expect(await join({ url: origin }, { timeoutMs: 150 })).toEqual(['AUTH_UNAVAILABLE', 'timeout'])
  })

  it('one in a coding is not decoded', async () => {
    const site = await hookBackend()
    site.instead = (items) => ({ headers: { 'content-encoding': 'gzip' }, body: ok(items) })
    expect(await join(site)).toEqual(['AUTH_UNAVAILABLE', 'encoding'])
  })
})

describe('an item', () => {
  const items: Record<string, (id: string) => unknown> = {
    'with another id': (id) => ({ id: `${id}0`, permit: true }),
    'without an id': () => ({ permit: true }),
    'with a number for an id': () => ({ id: 1, permit: true }),
    'that is null': () => null,
    'that is a list': (id) => [id, true],
    'without "permit"': (id) => ({ id }),
    'with permit "true"': (id) => ({ id, permit: 'true' }),
    'with permit 1': (id) => ({ id, permit: 1 }),
    'with permit null': (id) => ({ id, permit: null }),
    'with a misspelt limit': (id) => ({ id, permit: true, expires_at: 1 }),
    'with a limit that is text': (id) => ({ id, permit: true, expiresAt: '2030-01-01' }),
    'with a limit before 1970': (id) => ({ id, permit: true, expiresAt: -1 }),
    'with a maxAgeSeconds that is text': (id) => ({ id, permit: true, maxAgeSeconds: '60' }),
    'with a code that is none': (id) => ({ id, permit: false, code: 'NO' }),
    'with a code that is not a rule’s': (id) => ({ id, permit: false, code: 'AUTH_REVOKED' }),
    'with the name of a member of every object for a code': (id) => ({ id, permit: false, code: 'constructor' }),
  }
  it.each(Object.keys(items))('%s is undecided, and its neighbour is not', async (name) => {
    const site = await hookBackend()
    site.instead = ([first, second]) => ({
      body: { items: [items[name]?.(String(first?.id)), { id: second?.id, permit: true }] },
    })
    const hooks = hooksOf(site)
    const outcomes = await Promise.all(['room:1', 'room:2'].map((room) => outcomeOf(hooks.join(joining(room)))))
    expect(outcomes).toEqual([['AUTH_UNAVAILABLE', expect.stringMatching(/^answer_(?:malformed|missing)$/)], permit()])
  })

  it('whose id comes twice is undecided, also when both permit', async () => {
    const site = await hookBackend()
    site.instead = (asked) => ({ body: { items: [...ok(asked).items, ...ok(asked).items] } })
    expect(await join(site)).toEqual(['AUTH_UNAVAILABLE', 'answer_malformed'])
  })

  it('that permits what another request asked decides nothing', async () => {
    const site = await hookBackend()
    const hooks = hooksOf(site)
    await hooks.join(joining('room:1'))
    const [earlier] = site.requests
    site.instead = () => ({ body: ok(earlier ?? []) })
    expect(await outcomeOf(hooks.join(joining('room:1')))).toEqual(['AUTH_UNAVAILABLE', 'answer_missing'])
  })

  it.each(['__proto__', 'constructor', 'prototype'])('permits nothing through "%s"', async (name) => {
    const site = await hookBackend()
    site.instead = ([first]) => ({ body: `{"items":[{"id":"${first?.id}","${name}":{"permit":true}}]}` })
    expect(await join(site)).toEqual(['AUTH_UNAVAILABLE', 'answer_malformed'])
    expect(({} as { permit?: unknown }).permit).toBeUndefined()
  })

  it('permits nothing that a polluted prototype lends, and a polluted prototype configures nothing', async () => {
    const site = await hookBackend(() => ({}))
    const hooks = hooksOf(site)
    Object.assign(Object.prototype, { permit: true, secret: SECRET })
    try {
      expect(await outcomeOf(hooks.join(joining('room:1')))).toEqual(['AUTH_UNAVAILABLE', 'answer_malformed'])
      expect(() => httpHooks({ url: site.url } as never)).toThrow('"secret"')
    } finally {
      for (const name of ['permit', 'secret']) Reflect.deleteProperty(Object.prototype, name)
    }
  })

  it.each(['AUTH_FORBIDDEN', 'AUTH_INSUFFICIENT_SCOPE', 'AUTH_ARGUMENTS_INVALID', 'AUTH_RATE_LIMITED'] as const)(
    'may deny with %s',
    async (code) => {
      const hooks = hooksOf(await hookBackend(() => ({ permit: false, code })))
      expect(await hooks.event(sending('say'))).toEqual(deny(code))
    },
  )
})

describe('rooms', () => {
  it.each([
    ['that are text', 'room'],
    ['with a number among them', ['room', 1]],
    ['with an empty one among them', ['']],
    ['with a control character', ['a\nb']],
    ['more than 1,000', Array(1_001).fill('room')],
  ])('%s are undecided', async (_name, rooms) => {
    const hooks = hooksOf(await hookBackend(() => ({ rooms })))
    expect(await outcomeOf(hooks.memberships(user()))).toEqual(['AUTH_UNAVAILABLE', 'answer_malformed'])
  })

  it('of an identity are those that the back end names', async () => {
    const hooks = hooksOf(await hookBackend(({ type }) => (type === 'memberships' ? { rooms: ['a', 'b'] } : undefined)))
    expect(await hooks.memberships(user())).toEqual(['a', 'b'])
  })
})
