import type { LookupAddress } from 'node:dns'
import { describe, expect, it } from 'vitest'
import { isLoopbackHost } from '../../src/outbound/address.ts'
import { createHttpCall } from '../../src/outbound/http-call.ts'
import { backend, failure, selfSigned } from '../strategies/webhook-fixtures.ts'

const GET = { method: 'GET' } as const

/** A resolver whose answers a test sets, one after the other; the last stays. */
function resolver(...answers: (readonly string[])[]) {
  const asked: string[] = []
  const resolve = async (hostname: string): Promise<LookupAddress[]> => {
    asked.push(hostname)
    const addresses = (answers.length > 1 ? answers.shift() : answers[0]) ?? []
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return { asked, resolve }
}

const REFUSED: Readonly<Record<string, string>> = {
  loopback: '127.0.0.1',
  'all of loopback': '127.255.255.254',
  'loopback of IPv6': '::1',
  '10/8': '10.0.0.1',
  '172.16/12': '172.31.255.255',
  '192.168/16': '192.168.0.1',
  '100.64/10': '100.127.255.255',
  '198.18/15': '198.18.0.1',
  'fc00::/7': 'fd12::1',
  '0/8': '0.0.0.0',
  'link-local': '169.254.0.1',
  metadata: '169.254.169.254',
  'metadata of another cloud': '100.100.100.200',
  'metadata over IPv6': 'fd00:ec2::254',
  'fe80::/10': 'fe80::1',
  'fe80::/10 with a zone': 'fe80::1%eth0',
  multicast: '224.0.0.1',
  'multicast of IPv6': 'ff02::1',
  broadcast: '255.255.255.255',
  unspecified: '::',
  'mapped loopback': '::ffff:127.0.0.1',
  'mapped loopback in words': '::ffff:7f00:1',
  'mapped metadata': '::ffff:a9fe:a9fe',
  'mapped 10/8': '::ffff:10.0.0.1',
  'compatible 10/8': '::10.0.0.1',
  'NAT64 to metadata': '64:ff9b::a9fe:a9fe',
  '6to4 of 10/8': '2002:a00:1::1',
  'no address': 'nonsense',
}
/** With allowPrivateAddresses these remain. */
const NEVER = Object.entries(REFUSED).filter(([name]) =>
  /^(?:0\/8|link-local|.*metadata.*|fe80.*|multicast.*|broadcast|unspecified|no address)$/.test(name),
)

describe('W04: where a call may go', () => {
  for (const [name, address] of Object.entries(REFUSED)) {
    it(`W04: a name that resolves to ${address} (${name}) is refused`, async () => {
      const { resolve, asked } = resolver([address])
      const call = createHttpCall({ url: 'https://hook.example/' }, { resolve })
      await failure(call(GET), ['AUTH_UNAVAILABLE', 'address_refused'], [address])
      expect(asked).toEqual(['hook.example'])
    })
  }

  it('W04: one such address among good ones suffices', async () => {
    const { resolve } = resolver(['203.0.113.7', '2001:db8::7', '10.0.0.1'])
    const call = createHttpCall({ url: 'https://hook.example/' }, { resolve })
    await failure(call(GET), ['AUTH_UNAVAILABLE', 'address_refused'])
  })

  it('W04: a name without addresses, or that nobody knows, is AUTH_UNAVAILABLE', async () => {
    const none = createHttpCall({ url: 'https://hook.example/' }, { resolve: resolver([]).resolve })
    await failure(none(GET), ['AUTH_UNAVAILABLE', 'address_refused'])
    const unknown = createHttpCall(
      { url: 'https://hook.invalid/?hidden-query' },
      { resolve: () => Promise.reject(new Error()) },
    )
    await failure(unknown(GET), ['AUTH_UNAVAILABLE', 'connect'], ['hidden-query'])
  })

  it('W04: allowPrivateAddresses accepts private ones, and http needs its own word', async () => {
    const { port, requests } = await backend((_request, response) => response.end('ok'))
    const options = { url: `http://php-backend:${port}/`, dangerouslyAllowHttp: true }
    const { resolve } = resolver(['127.0.0.1'])
    await failure(createHttpCall(options, { resolve })(GET), ['AUTH_UNAVAILABLE', 'address_refused'])
    expect(requests).toHaveLength(0)
    const call = createHttpCall({ ...options, allowPrivateAddresses: true }, { resolve })
    expect((await call(GET)).status).toBe(200)
    expect(requests[0]?.request.headers.host).toBe(`php-backend:${port}`)
    expect(() => createHttpCall({ ...options, dangerouslyAllowHttp: false })).toThrow('"url"')
  })

  it('W04: allowPrivateAddresses does not accept link-local and metadata addresses', async () => {
    expect(NEVER.length).toBe(14)
    for (const [name, address] of NEVER) {
      const { resolve } = resolver([address])
      const call = createHttpCall({ url: 'https://hook.example/', allowPrivateAddresses: true }, { resolve })
      await failure(call(GET), ['AUTH_UNAVAILABLE', 'address_refused']).catch((cause: unknown) => {
        throw new Error(`${name} was accepted`, { cause })
      })
    }
  })

  it('W04: an address that the operator wrote himself is called, without a resolver', async () => {
    const { origin } = await backend((_request, response) => response.end('ok'))
    const { resolve, asked } = resolver(['203.0.113.7'])
    expect((await createHttpCall({ url: origin }, { resolve })(GET)).status).toBe(200)
    expect(asked).toEqual([])
  })

  it('W04: localhost is loopback, and nothing else', async () => {
    const { port } = await backend((_request, response) => response.end('ok'))
    const url = `http://localhost:${port}/`
    expect((await createHttpCall({ url }, { resolve: resolver(['127.0.0.1']).resolve })(GET)).status).toBe(200)
    for (const allowPrivateAddresses of [false, true]) {
      const call = createHttpCall({ url, allowPrivateAddresses }, { resolve: resolver(['203.0.113.7']).resolve })
      await failure(call(GET), ['AUTH_UNAVAILABLE', 'address_refused'])
    }
  })

  it('W04: the system resolves localhost where no test does', async () => {
    const { port } = await backend((_request, response) => response.end('ok'))
    expect((await createHttpCall({ url: `http://localhost:${port}/` })(GET)).status).toBe(200)
  })

  it('W04: rebinding: the address that was checked is connected to, and each connection is checked', async () => {
    const { port, connections } = await backend((_request, response) => {
      response.setHeader('connection', 'close')
      response.end('ok')
    })
    // Checked as loopback for `localhost`; a second resolution for the same connection would give metadata.
    const { resolve, asked } = resolver(['127.0.0.1'], ['169.254.169.254'], ['127.0.0.1'])
    const call = createHttpCall({ url: `http://localhost:${port}/` }, { resolve })
    expect((await call(GET)).status).toBe(200)
    expect(asked).toHaveLength(1)
    await failure(call(GET), ['AUTH_UNAVAILABLE', 'address_refused'])
    expect([asked.length, connections()]).toEqual([2, 1])
    expect((await call(GET)).status).toBe(200)
  })

  it('W04: a resolver that hangs is asked once for all who wait, and the deadline holds', async () => {
    let asked = 0
    const resolve = () => {
      asked += 1
      return new Promise<never>(() => {})
    }
    const call = createHttpCall({ url: 'https://hook.example/', timeoutMs: 100 }, { resolve })
    for (const one of [call(GET), call(GET), call(GET)]) await failure(one, ['AUTH_UNAVAILABLE', 'timeout'])
    expect(asked).toBe(1)
  })

  it('W04: loopback hosts are localhost, names below it, 127/8 and ::1', () => {
    const hosts = [
      'localhost',
      'LOCALHOST',
      'a.localhost',
      'localhost.',
      '127.0.0.1',
      '127.9.9.9',
      '[::1]',
      '[::ffff:7f00:1]',
    ]
    for (const host of hosts) expect(isLoopbackHost(host), host).toBe(true)
    const others = ['localhost.example', 'mylocalhost', '10.0.0.1', '[::]', '0.0.0.0', '128.0.0.1', '[2001:db8::1]']
    for (const host of others) expect(isLoopbackHost(host), host).toBe(false)
  })
})

describe('W10: TLS', () => {
  const good = selfSigned()
  const tlsBackend = (certificate = good) => backend((_request, response) => response.end('ok'), certificate)

  it('W10: a certificate of the given authority is accepted', async () => {
    const { origin, requests } = await tlsBackend()
    const call = createHttpCall({ url: origin, ca: good.cert })
    expect([(await call(GET)).status, (await call(GET)).status, requests.length]).toEqual([200, 200, 2])
    expect((await createHttpCall({ url: origin, ca: [selfSigned().cert, good.cert] })(GET)).status).toBe(200)
  })

  it('W10: a self-signed one is AUTH_UNAVAILABLE, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    const { origin, requests } = await tlsBackend()
    const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED
    for (const value of ['1', '0']) {
      try {
        process.env.NODE_TLS_REJECT_UNAUTHORIZED = value
        await failure(createHttpCall({ url: origin })(GET), ['AUTH_UNAVAILABLE', 'tls'])
        await failure(createHttpCall({ url: origin, ca: selfSigned().cert })(GET), ['AUTH_UNAVAILABLE', 'tls'])
      } finally {
        if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
        else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
      }
    }
    expect(requests).toHaveLength(0)
  })

  it('W10: one for another host is AUTH_UNAVAILABLE', async () => {
    const other = selfSigned('DNS:other.example')
    const { origin, requests } = await tlsBackend(other)
    const { cause } = await failure(createHttpCall({ url: origin, ca: other.cert })(GET), ['AUTH_UNAVAILABLE', 'tls'])
    expect(String(cause)).toContain('ERR_TLS_CERT_ALTNAME_INVALID')
    expect(requests).toHaveLength(0)
  })

  it('W10: one that has expired is AUTH_UNAVAILABLE', async () => {
    const expired = selfSigned(undefined, -1)
    const { origin, requests } = await tlsBackend(expired)
    const { cause } = await failure(createHttpCall({ url: origin, ca: expired.cert })(GET), ['AUTH_UNAVAILABLE', 'tls'])
    expect(String(cause)).toContain('CERT_HAS_EXPIRED')
    expect(requests).toHaveLength(0)
  })

  it('W10: a server without TLS is AUTH_UNAVAILABLE', async () => {
    const { port } = await backend((_request, response) => response.end('ok'))
    await failure(createHttpCall({ url: `https://127.0.0.1:${port}` })(GET), ['AUTH_UNAVAILABLE', 'tls'])
  })

  it('W10: rejectUnauthorized is no option', () => {
    const options = { url: 'https://hook.example/', rejectUnauthorized: false }
    expect(() => createHttpCall(options)).toThrow('"rejectUnauthorized" is not an option of createHttpCall()')
  })
})
