import { AuthError, type Authentication, type Connect, type Handshake, type Strategy } from 'portcullis'
import { handshakeOf, type StrategyContractOptions, strategyContract } from 'portcullis/testing'
import { describe, expect, test } from 'vitest'

const GOOD = 'the-good-credential'

/** A correct strategy over a header, to be spoilt in one way at a time. */
function strategyOver(spoilt: Partial<Strategy> = {}): Strategy {
  const from: Strategy['from'] = [{ in: 'header', name: 'x-key', ambient: false, read: keyOf }]
  return {
    scheme: 'key',
    from,
    maxLifetimeSeconds: 60,
    async authenticate(handshake, connect) {
      const key = keyOf(handshake, connect)
      if (key === null) return null
      if (key !== GOOD) throw new AuthError('AUTH_CREDENTIAL_INVALID')
      return answer()
    },
    ...spoilt,
  }
}

function keyOf({ headers }: Handshake, connect: Connect | null): string | null {
  const value = headers['x-key']
  return connect === null && typeof value === 'string' ? value : null
}

function answer(over: { identity?: object; lease?: object } = {}): Authentication {
  return {
    identity: { scheme: 'key', issuer: 'keys', subject: 'u1', claims: {}, ...over.identity },
    lease: { id: 'lease-1', issuedAt: 0, expiresAt: null, ...over.lease },
  }
}

function contractOf(strategy: Strategy, more: Partial<StrategyContractOptions> = {}) {
  const request = (key: string) => () => ({ handshake: handshakeOf({ headers: { 'x-key': key } }), connect: null })
  const bad = [{ name: 'an unknown key', request: request('an-unknown-key') }]
  return strategyContract({ strategy: () => strategy, good: request(GOOD), bad, ...more })
}

/** The names of the cases that fail. */
async function failures(strategy: Strategy, more: Partial<StrategyContractOptions> = {}): Promise<readonly string[]> {
  const failed: string[] = []
  for (const { name, run } of contractOf(strategy, more)) {
    await run().catch((error: unknown) => {
      failed.push(name)
      expect(String(error)).not.toContain(GOOD)
    })
  }
  return failed
}

/** A strategy that does something else for one key, and the right thing for every other. */
function except(
  isKey: (key: string | null) => boolean,
  act: (key: string) => Promise<Authentication | null>,
): Strategy {
  const { authenticate } = strategyOver()
  return strategyOver({
    authenticate: (handshake, connect) => {
      const key = keyOf(handshake, connect)
      return isKey(key) ? act(String(key)) : authenticate(handshake, connect)
    },
  })
}

const good = (key: string | null) => key === GOOD
const unknown = (key: string | null) => key === 'an-unknown-key'

describe('strategyContract', () => {
  test('passes a correct strategy', async () => {
    expect(await failures(strategyOver())).toEqual([])
  })

  test('fails a strategy whose bad credential falls through, or is accepted', async () => {
    const refuses = ['refuses an unknown key, and shows it in no error']
    expect(await failures(except(unknown, async () => null))).toEqual(refuses)
    expect(await failures(except(unknown, async () => answer()))).toEqual(refuses)
  })

  test('fails a strategy that refuses with another code, or with another error', async () => {
    const refuses = ['refuses an unknown key, and shows it in no error']
    const with503 = async () => Promise.reject(new AuthError('AUTH_UNAVAILABLE'))
    expect(await failures(except(unknown, with503))).toEqual(refuses)
    expect(await failures(except(unknown, async () => Promise.reject(new TypeError('bad'))))).toEqual(refuses)
  })

  test('fails a strategy whose error shows the credential, in its cause too', async () => {
    const leak = async (key: string) =>
      Promise.reject(new AuthError('AUTH_CREDENTIAL_INVALID', { cause: new Error(`no key ${key}`) }))
    expect(await failures(except(unknown, leak))).toEqual(['refuses an unknown key, and shows it in no error'])
  })

  test('fails a strategy that puts the credential, or a secret of it, into its answer', async () => {
    const shows = ['shows the credential nowhere in what it answers']
    expect(await failures(except(good, async (key) => answer({ lease: { id: key } })))).toEqual(shows)
    const inner = except(good, async () => answer({ identity: { claims: { part: 'hunter22' } } }))
    expect(await failures(inner)).toEqual([])
    expect(await failures(inner, { secrets: ['hunter22'] })).toEqual(shows)
  })

  test('fails a strategy that answers something malformed', async () => {
    const identities = [{ subject: '' }, { issuer: 7 }, { scheme: 'other' }, { password: 'x' }, { claims: new Map() }]
    const leases = [{ id: '' }, { issuedAt: Number.NaN }, { expiresAt: 0 }, { expiresAt: Number.POSITIVE_INFINITY }]
    const spoilt = [...identities.map((identity) => ({ identity })), ...leases.map((lease) => ({ lease }))]
    for (const each of spoilt) {
      const failed = await failures(except(good, async () => answer(each)))
      expect(failed, JSON.stringify(each)).toContain(
        'recognises a good credential with a well-formed identity and lease',
      )
    }
  })

  test('fails a strategy that says something else each time', async () => {
    const subjects = Array.from({ length: 20 }, (_, i) => `u${i}`)
    const failed = await failures(except(good, async () => answer({ identity: { subject: subjects.pop() } })))
    expect(failed).toEqual(['answers the same when it is asked again', 'answers the same to all who ask at once'])
  })

  test('fails a strategy that takes the credential of the request for that of the CONNECT packet', async () => {
    const { authenticate } = strategyOver()
    const careless = strategyOver({ authenticate: (handshake) => authenticate(handshake, null) })
    expect(await failures(careless)).toEqual(['looks only at the CONNECT packet once there is one'])
  })

  test('fails a strategy that a repeated header or an odd payload makes throw', async () => {
    const shouts = 'throws nothing but AuthError, whatever the request holds'
    const careless = strategyOver({
      authenticate: async ({ headers }) => {
        if ((headers['x-key'] as string | undefined)?.trim() !== GOOD) throw new AuthError('AUTH_CREDENTIAL_INVALID')
        return answer()
      },
    })
    expect(await failures(careless)).toContain(shouts)
    const decoding = except(
      (key) => key !== null && decodeURIComponent(key) === '',
      async () => null,
    )
    expect(await failures(decoding)).toEqual([shouts])
  })

  test('asks for AUTH_UNAVAILABLE only where it is told how', async () => {
    const unavailable = (code: 'AUTH_UNAVAILABLE' | 'AUTH_CREDENTIAL_INVALID') => () => ({
      strategy: except(good, async () => Promise.reject(new AuthError(code))),
      handshake: handshakeOf({ headers: { 'x-key': GOOD } }),
      connect: null,
    })
    expect(contractOf(strategyOver())).toHaveLength(10)
    expect(await failures(strategyOver(), { unavailable: unavailable('AUTH_UNAVAILABLE') })).toEqual([])
    expect(await failures(strategyOver(), { unavailable: unavailable('AUTH_CREDENTIAL_INVALID') })).toEqual([
      'refuses with AUTH_UNAVAILABLE when it cannot check, and shows the credential in no error',
    ])
  })

  describe('for a strategy that looks again', () => {
    const AGAIN = 'finds what it accepted still good when it looks again, if it ever does'
    const ENDED = 'finds that a credential has ended when it looks again, and confuses it with no other'
    const DOOMED = 'a-credential-that-ends'
    let over = false
    const hidden = (authentication: Authentication, key: unknown) =>
      Object.defineProperty(authentication, 'handle', { value: key })
    const look = async (handles: readonly unknown[]) =>
      handles.map((key) => (over && key === DOOMED ? new AuthError('AUTH_CREDENTIAL_INVALID') : hidden(answer(), key)))
    /** Correct but for what is spoilt. */
    const looking = (spoilt: Partial<Strategy> = {}) =>
      strategyOver({
        revalidateEveryMs: 30_000,
        revalidate: look,
        async authenticate(handshake, connect) {
          const key = keyOf(handshake, connect)
          if (key === null) return null
          if (key !== GOOD && (over || key !== DOOMED)) throw new AuthError('AUTH_CREDENTIAL_INVALID')
          return hidden(answer(), key)
        },
        ...spoilt,
      })
    const ending: StrategyContractOptions['ending'] = () => {
      over = false
      return {
        handshake: handshakeOf({ headers: { 'x-key': DOOMED } }),
        connect: null,
        end: () => {
          over = true
        },
      }
    }
    const failed = (spoilt: Partial<Strategy>) => failures(looking(spoilt), { ending })

    test('passes a correct one, and one that never looks again', async () => {
      expect(await failed({})).toEqual([])
      expect(await failures(strategyOver())).toEqual([])
    })

    test('fails one that does not notice', async () => {
      const blind = async (handles: readonly unknown[]) => handles.map((key) => hidden(answer(), key))
      expect(await failed({ revalidate: blind })).toEqual([ENDED])
      expect(await failures(strategyOver(), { ending })).toEqual([ENDED])
    })

    test('fails one whose answers are too few, in another order, or those of somebody else', async () => {
      expect(await failed({ revalidate: async (handles) => (await look(handles)).slice(1) })).toEqual([AGAIN, ENDED])
      const turned = async (handles: readonly unknown[]) => {
        const [first, second, ...rest] = await look(handles)
        return [second, first, ...rest].filter((each) => each !== undefined)
      }
      expect(await failed({ revalidate: turned })).toEqual([ENDED])
      const others = async (handles: readonly unknown[]) =>
        handles.map((key) => hidden(answer({ identity: { subject: 'u2' } }), key))
      expect(await failed({ revalidate: others })).toEqual([AGAIN, ENDED])
    })

    test('fails one that takes back what is good, says nothing certain, or shows the credential', async () => {
      const refuses = async (handles: readonly unknown[]) => handles.map(() => new AuthError('AUTH_CREDENTIAL_INVALID'))
      expect(await failed({ revalidate: refuses })).toEqual([AGAIN, ENDED])
      const instead = (error: AuthError) => async (handles: readonly unknown[]) =>
        (await look(handles)).map((each) => (AuthError.is(each) ? error : each))
      expect(await failed({ revalidate: instead(new AuthError('AUTH_UNAVAILABLE')) })).toEqual([ENDED])
      const shows = new AuthError('AUTH_CREDENTIAL_INVALID', { cause: new Error(`no ${DOOMED}`) })
      expect(await failed({ revalidate: instead(shows) })).toEqual([ENDED])
    })

    test('fails one without a handle, with one that shows, or that changes; without an interval, or a function', async () => {
      const plain = async (key: unknown) => ({ ...answer(), handle: key })
      expect(await failed({ authenticate: strategyOver().authenticate })).toContain(AGAIN)
      expect(
        await failed({ authenticate: async (...args) => (keyOf(...args) === null ? null : plain(keyOf(...args))) }),
      ).toContain(AGAIN)
      const changed = async (handles: readonly unknown[]) => handles.map(() => hidden(answer(), 'other'))
      expect(await failed({ revalidate: changed })).toContain(AGAIN)
      for (const revalidateEveryMs of [0, 999, Number.POSITIVE_INFINITY])
        expect(await failed({ revalidateEveryMs })).toEqual([AGAIN, ENDED])
      const { revalidate: _, ...mute } = looking()
      expect(await failures(mute)).toEqual([AGAIN])
      const { revalidateEveryMs: __, ...never } = looking()
      expect(await failures(never)).toEqual([AGAIN])
    })
  })
})
