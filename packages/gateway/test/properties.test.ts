import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseBody } from '../src/control/json-body.ts'
import { Problem } from '../src/control/problem.ts'
import { readCommand } from '../src/emitters/command.ts'
import { readEmission, readLegacyEmission } from '../src/emitters/emission.ts'
import { RefusedEmission } from '../src/emitters/refusal.ts'
import { createUnsealing, signEmission } from '../src/emitters/signature.ts'

/** `FC_RUNS=20` tries each property twenty times as often, and `FC_SEED` repeats what a failure has printed. */
function runs<Input>(count: number, parameters: fc.Parameters<Input> = {}): fc.Parameters<Input> {
  const { FC_RUNS: times = '1', FC_SEED: seed } = process.env
  return {
    numRuns: Math.ceil(count * Number(times)),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...parameters,
  }
}

const anyText = () => fc.array(fc.nat(0xffff), { maxLength: 10 }).map((units) => String.fromCharCode(...units))

/** As MessagePack's specification has it, so that what the gateway decodes with is not what wrote it. */
function pack(value: unknown): Buffer {
  if (value === null || value === undefined) return Buffer.from([0xc0])
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2])
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9, 0xcb)
    bytes.writeDoubleBE(value, 1)
    return bytes
  }
  if (typeof value === 'string') return sized(0xdb, Buffer.from(value))
  if (value instanceof Uint8Array) return sized(0xc6, Buffer.from(value))
  if (Array.isArray(value)) return Buffer.concat([head(0xdd, value.length), ...value.map(pack)])
  const entries = Object.entries(value)
  return Buffer.concat([head(0xdf, entries.length), ...entries.flat().map(pack)])
}

function sized(type: number, content: Buffer): Buffer {
  return Buffer.concat([head(type, content.length), content])
}

function head(type: number, length: number): Buffer {
  const bytes = Buffer.alloc(5, type)
  bytes.writeUInt32BE(length, 1)
  return bytes
}

/** Bytes with a few of them replaced, put in or taken out. */
function damaged(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> {
  const edit = fc.tuple(fc.nat(), fc.nat(4), fc.uint8Array({ maxLength: 4 }))
  return fc.tuple(bytes, fc.array(edit, { minLength: 1, maxLength: 3 })).map(([whole, edits]) =>
    edits.reduce((left, [at, cut, put]) => {
      const place = at % (left.length + 1)
      return Buffer.concat([left.subarray(0, place), put, left.subarray(place + cut)])
    }, Buffer.from(whole)),
  )
}

const argument = fc.oneof(
  fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.oneof(fc.constant(null), fc.boolean(), fc.double(), fc.string(), fc.uint8Array()),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(
        fc.string({ minLength: 1, maxLength: 4 }).filter((name) => name !== '__proto__'),
        tie('value'),
        {
          maxKeys: 3,
          noNullPrototype: true,
        },
      ),
    ),
  })).value,
)
const emission = fc.record({
  uid: fc.string(),
  namespace: fc.constantFrom('/', '/chat', 'chat'),
  rooms: fc.array(fc.oneof(fc.string(), fc.nat(99)), { maxLength: 3 }),
  event: fc.constantFrom('news', 'a', 'news:more'),
  args: fc.array(argument, { maxLength: 3 }),
})
const written = emission.map(({ uid, namespace, rooms, event, args }) =>
  pack([uid, { type: 2, data: [event, ...args], nsp: namespace }, { rooms, except: [], flags: {} }]),
)

/** Whatever is thrown that is no refusal fails the property. */
function refusalOf(read: () => unknown): string | null {
  try {
    read()
    return null
  } catch (error) {
    if (!(error instanceof RefusedEmission)) throw error
    return error.reason
  }
}

describe("an emitter's message", () => {
  it('is read as what was written', () => {
    fc.assert(
      fc.property(emission, ({ uid, namespace, rooms, event, args }) => {
        const packet = { type: 2, data: [event, ...args], nsp: namespace }
        const read = readEmission(pack([uid, packet, { rooms, except: [], flags: { volatile: true } }]))
        expect(readLegacyEmission(pack([packet, { rooms, flags: { volatile: true } }]))).toEqual(read)
        expect(pack(read.args)).toEqual(pack(args))
        expect(read).toMatchObject({ event, rooms: rooms.map(String), volatile: true, compress: null })
        expect(read.namespace).toBe(namespace === 'chat' ? '/chat' : namespace)
      }),
      runs(150),
    )
  })

  it('of whatever bytes is read or refused, and nothing else is thrown', () => {
    const bytes = fc.oneof(damaged(written), damaged(argument.map(pack)), fc.uint8Array({ maxLength: 40 }))
    fc.assert(
      fc.property(bytes, (given) => {
        const payload = Buffer.from(given)
        for (const read of [readEmission, readLegacyEmission]) refusalOf(() => read(payload))
      }),
      runs<[Uint8Array]>(500, {
        // More values than there are bytes, and a name that would be a prototype.
        examples: [
          [Buffer.from('ddffffffff', 'hex')],
          [Buffer.concat([head(0xdf, 1), sized(0xdb, Buffer.from('__proto__')), Buffer.from([0x80])])],
        ],
      }),
    )
  })

  it('as a request names sockets and rooms that are the application’s, or is refused', () => {
    const room = fc.oneof(fc.constantFrom('a', 'auth|subject', 'auth:x', 7), fc.jsonValue({ maxDepth: 1 }))
    const request = fc.record(
      {
        type: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.jsonValue({ maxDepth: 1 })),
        opts: fc.oneof(fc.record({ rooms: fc.array(room, { maxLength: 3 }), except: fc.array(room) }), fc.jsonValue()),
        rooms: fc.oneof(fc.array(room, { maxLength: 3 }), fc.jsonValue()),
        close: fc.jsonValue({ maxDepth: 0 }),
      },
      { requiredKeys: [] },
    )
    const payload = fc.oneof(
      request.map((one) => Buffer.from(JSON.stringify(one))),
      damaged(request.map((one) => Buffer.from(JSON.stringify(one)))),
      anyText().map((text) => Buffer.from(text)),
    )
    fc.assert(
      fc.property(payload, (bytes) => {
        refusalOf(() => {
          const command = readCommand(bytes, '/chat')
          expect(command.target.namespace).toBe('/chat')
          if (command.kind === 'join') expect(command.rooms.filter((name) => name.startsWith('auth|'))).toEqual([])
        })
      }),
      runs(300),
    )
  })

  it('under a signature is taken once and as it was signed, and no other', () => {
    const secret = Buffer.alloc(32, 7)
    const signed = signEmission(secret, 'emit#/chat#', 'payload', 1_000)
    fc.assert(
      fc.property(damaged(fc.constant(signed)), fc.constantFrom('emit#/chat#', 'emit#/admin#'), (message, channel) => {
        const unseal = createUnsealing(secret, () => 1_000)
        if (channel !== 'emit#/chat#' || !message.equals(signed)) {
          expect(refusalOf(() => unseal(channel, message))).toBe('signature')
        } else {
          expect(unseal(channel, message).toString()).toBe('payload')
          expect(refusalOf(() => unseal(channel, message))).toBe('replayed')
        }
      }),
      runs<[Buffer, string]>(300, { examples: [[signed, 'emit#/chat#']] }),
    )
  })
})

describe('a body for the control API', () => {
  it('is what JSON says, or BODY_INVALID, and nothing else is thrown', () => {
    const name = fc.constantFrom('a', 'b', '\\u0061', '__proto__', '')
    const text = fc.oneof(
      fc.json({ maxDepth: 3 }),
      fc.array(fc.tuple(name, fc.json({ maxDepth: 1 })), { maxLength: 4 }).map((members) => {
        return `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`
      }),
      fc.nat(40).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
      anyText(),
    )
    let read = 0
    fc.assert(
      fc.property(
        fc.oneof(
          text.map((one) => Buffer.from(one)),
          damaged(text.map((one) => Buffer.from(one))),
        ),
        (bytes) => {
          try {
            expect(parseBody(bytes)).toEqual(JSON.parse(bytes.toString()))
            read += 1
          } catch (error) {
            if (!(error instanceof Problem)) throw error
            expect(error.code).toBe('BODY_INVALID')
          }
        },
      ),
      runs(400),
    )
    expect(read).toBeGreaterThan(100)
  })
})
