import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { createPhpReader, decodePhpSerialized, MAX_PHP_BYTES } from '../../src/php/serialized.ts'
import { PhpFormatError, PhpObject, type PhpValue } from '../../src/php/values.ts'
import { randomOf } from './random.ts'

const decode = (text: string | Uint8Array) => decodePhpSerialized(Buffer.from(text as string, 'utf8'))
const bytes = (text: string) => Buffer.from(text, 'latin1')

describe('a value of PHP', () => {
  it.each<[string, unknown]>([
    ['N;', null],
    ['b:1;', true],
    ['b:0;', false],
    ['i:0;', 0],
    ['i:-42;', -42],
    ['i:9007199254740991;', 9007199254740991],
    ['i:9007199254740993;', 9007199254740993n],
    ['i:9223372036854775807;', 9223372036854775807n],
    ['i:-9223372036854775808;', -9223372036854775808n],
    ['d:0.1;', 0.1],
    ['d:1.0E+300;', 1e300],
    ['d:-0;', -0],
    ['d:INF;', Number.POSITIVE_INFINITY],
    ['d:-INF;', Number.NEGATIVE_INFINITY],
    ['d:NAN;', Number.NaN],
    ['s:0:"";', ''],
    ['s:5:"alice";', 'alice'],
    ['s:5:"";i:1;"', undefined],
    ['s:6:"žof";;";', undefined],
    ['s:4:"žof";', 'žof'],
    ['s:3:"\ufeff";', '\ufeff'],
    ['a:0:{}', []],
    ['a:2:{i:0;s:1:"a";i:1;N;}', ['a', null]],
  ])('%s', (text, value) => {
    if (value === undefined) expect(() => decode(text)).toThrow(PhpFormatError)
    else expect(decode(text)).toStrictEqual(value)
  })

  it('is bytes where a string is no UTF-8', () => {
    expect(decodePhpSerialized(bytes('s:4:"\x00\x01\xff\xfe";'))).toEqual(new Uint8Array([0, 1, 255, 254]))
  })

  it('is a record without a prototype where the keys are not 0, 1, 2 in this order', () => {
    for (const text of ['a:2:{i:1;N;i:0;N;}', 'a:1:{i:1;N;}', 'a:1:{s:1:"0";N;}', 'a:2:{i:0;N;i:2;N;}']) {
      const record = decode(text) as object
      expect([Array.isArray(record), Object.getPrototypeOf(record), Object.isFrozen(record)]).toEqual([
        false,
        null,
        true,
      ])
    }
    expect(decode('a:2:{s:1:"a";i:1;s:1:"a";i:2;}')).toEqual({ a: 2 })
  })

  it('P07, J26: has __proto__ and constructor as keys like others', () => {
    const record = decode('a:2:{s:9:"__proto__";a:1:{s:5:"admin";b:1;}s:11:"constructor";i:1;}') as Record<
      string,
      PhpValue
    >
    expect(Object.keys(record)).toEqual(['__proto__', 'constructor'])
    expect(record.admin).toBeUndefined()
    expect(({} as Record<string, unknown>).admin).toBeUndefined()
  })

  it('P08: shows an object as data, by bare names, of which the first counts', () => {
    const text =
      'O:4:"User":5:{s:2:"id";i:42;s:7:"\x00*\x00role";s:5:"admin";s:12:"\x00User\x00secret";s:1:"s";s:12:"\x00Base\x00secret";s:1:"b";i:7;N;}'
    const user = decode(text) as PhpObject
    expect(user).toBeInstanceOf(PhpObject)
    expect([user.className, { ...user.properties }]).toEqual(['User', { id: 42, role: 'admin', secret: 's', 7: null }])
    expect([Object.isFrozen(user), Object.getPrototypeOf(user.properties)]).toEqual([true, null])
  })

  it('P08: shows an enum case by its name, and nothing of a class that serializes itself', () => {
    expect(decode('E:10:"Role:Admin";')).toEqual(new PhpObject('Role', Object.freeze({ name: 'Admin' })))
    expect(decode('C:3:"Old":9:{"};i:1;}{}')).toEqual(new PhpObject('Old', Object.freeze({})))
  })

  it('P08: follows references to what came before, and shares what they point to', () => {
    const [first, second, third] = decode('a:3:{i:0;O:1:"A":1:{s:1:"x";i:1;}i:1;r:2;i:2;R:3;}') as readonly PhpValue[]
    expect(second).toBe(first)
    expect(third).toBe(1)
    // `r:` takes a number of its own, `R:` does not: what follows is counted accordingly.
    expect(decode('a:4:{i:0;O:1:"A":0:{}i:1;r:2;i:2;s:1:"b";i:3;R:4;}')).toMatchObject([{}, {}, 'b', 'b'])
    expect(decode('a:4:{i:0;s:1:"a";i:1;R:2;i:2;s:1:"b";i:3;R:3;}')).toEqual(['a', 'a', 'b', 'b'])
  })
})

describe('P02: what PHP does not write', () => {
  it.each([
    ['nothing', ''],
    ['bytes after the value', 'i:1;i:2;'],
    ['an unknown type', 'x:1;'],
    ['an unknown type and nothing more', 'x:'],
    ['an integer of a million digits', `i:${'9'.repeat(1_000_000)};`],
    ['a length of a million digits', `s:${'9'.repeat(1_000_000)}:"";`],
    ['an escaped string', 'S:1:"\\41";'],
    ['a boolean of 2', 'b:2;'],
    ['a boolean of words', 'b:true;'],
    ['an integer with a plus', 'i:+1;'],
    ['an integer in hexadecimal', 'i:0x10;'],
    ['an integer with a leading zero', 'i:01;'],
    ['an integer that is minus zero', 'i:-0;'],
    ['a key with a leading zero', 'a:2:{i:0;N;i:00;N;}'],
    ['an empty integer', 'i:;'],
    ['an integer beyond 64 bits', 'i:9223372036854775808;'],
    ['an integer below 64 bits', 'i:-9223372036854775809;'],
    ['an integer of 100 digits', `i:${'9'.repeat(100)};`],
    ['a float of words', 'd:one;'],
    ['an infinity in small letters', 'd:inf;'],
    ['a float with a leading zero', 'd:01.5;'],
    ['a float of hexadecimal', 'd:0x1p3;'],
    ['an integer without an end', 'i:1'],
    ['a string too long', 's:6:"alice";'],
    ['a string too short', 's:4:"alice";'],
    ['a negative length', 's:-1:"";'],
    ['a length with a leading zero', 's:05:"alice";'],
    ['a length beyond all bytes', 's:9999999:"a";'],
    ['a length of 20 digits', 's:99999999999999999999:"a";'],
    ['a string in other quotes', "s:1:'a';"],
    ['a string without its end', 's:5:"alice"'],
    ['a string closed by another byte', 's:1:"a\';'],
    ['an array closed by another byte', 'a:0:{]'],
    ['an array too short', 'a:2:{i:0;N;}'],
    ['an array too long', 'a:1:{i:0;N;i:1;N;}'],
    ['an array of a billion', 'a:1000000000:{}'],
    ['a key that is null', 'a:1:{N;N;}'],
    ['a key that is an array', 'a:1:{a:0:{}N;}'],
    ['a reference before anything', 'R:1;'],
    ['a reference to nothing', 'a:1:{i:0;R:9;}'],
    ['a reference to 0', 'a:1:{i:0;R:0;}'],
    ['a reference to an object that is a string', 'a:2:{i:0;s:1:"a";i:1;r:2;}'],
    ['an object without a name of text', bytes('O:1:"\xff":0:{}')],
    ['a key of broken UTF-8', bytes('a:1:{s:1:"\xff";N;}')],
    ['an enum case without a name', 'E:4:"Role";'],
    ['an object whose count lies', 'O:1:"A":2:{s:1:"a";N;}'],
    ['a property with half a prefix', 'O:1:"A":1:{s:2:"\x00a";N;}'],
    ['a class that claims more bytes', 'C:1:"A":99:{}'],
  ])('%s is refused with an error that quotes nothing', (_name, input) => {
    try {
      decode(input as string)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(PhpFormatError)
      expect((error as Error).message).toMatch(/^[A-Za-z ,8-]+$/)
    }
  })

  it('P08: a reference behind a class that serializes itself is refused: what it kept may have taken numbers', () => {
    // As PHP 8.2 writes it: the class kept an array of three strings, so that 7 is `me` there and "99" by our count.
    const typed = 'a:5:{i:0;s:1:"p";i:1;s:1:"q";i:2;s:2:"99";i:3;s:1:"r";i:4;s:1:"s";}'
    const kept = 'a:3:{i:0;s:1:"x";i:1;s:1:"y";i:2;s:1:"z";}'
    const session = (user: string) =>
      `a:4:{s:4:"cart";C:3:"Old":42:{${kept}}s:2:"me";s:2:"42";s:5:"typed";${typed}s:4:"user";${user}}`
    expect(() => decode(session('R:7;'))).toThrow('behind a class that serializes itself')
    expect(() => decode(session('r:3;'))).toThrow('behind a class that serializes itself')
    expect((decode(session('r:2;')) as Record<string, unknown>).user).toBeInstanceOf(PhpObject)
    expect((decode(session('i:42;')) as Record<string, unknown>).user).toBe(42)
  })

  it('cycles, depth, size and number have their bounds, exactly', () => {
    const nested = (depth: number) => `${'a:1:{i:0;'.repeat(depth)}N;${'}'.repeat(depth)}`
    expect(decode(nested(64))).toBeDefined()
    expect(() => decode(nested(65))).toThrow('too deep')
    expect(decode(`a:100:{${Array.from({ length: 100 }, (_, i) => `i:${i};a:0:{}`).join('')}}`)).toHaveLength(100)
    expect(() => decode(nested(100_000))).toThrow('too deep')
    const many = (count: number) => `a:${count}:{${Array.from({ length: count }, (_, i) => `i:${i};N;`).join('')}}`
    expect(decode(many(9_999))).toHaveLength(9_999)
    expect(() => decode(many(10_000))).toThrow('too many values')
    const long = (size: number) => `s:${size}:"${'a'.repeat(size)}";`
    const overhead = long(1_000_000).length - 1_000_000
    expect(decode(long(MAX_PHP_BYTES - overhead))).toHaveLength(MAX_PHP_BYTES - overhead)
    expect(() => decode(long(MAX_PHP_BYTES - overhead + 1))).toThrow('too many bytes')
    expect(() => decode('a:1:{i:0;R:1;}')).toThrow('cycle')
    expect(() => decode('O:1:"A":1:{s:4:"self";r:1;}')).toThrow('cycle')
  })

  it('a reference costs what it points to: nothing grows by doubling', () => {
    // Each pair of references doubles what a walk over the value would visit.
    let text = 'i:0;a:2:{i:0;N;i:1;N;}'
    let slot = 2
    for (let i = 1; i < 40; i += 1) {
      text += `i:${i};a:2:{i:0;R:${slot};i:1;R:${slot};}`
      slot += i === 1 ? 3 : 1
    }
    expect(() => decode(`a:40:{${text}}`)).toThrow('too many values')
  })

  it('10,000 strings that are no UTF-8 take no more than four times the time of 10,000 others', () => {
    const list = (member: string) =>
      bytes(`a:9999:{${Array.from({ length: 9_999 }, (_, i) => `i:${i};${member}`).join('')}}`)
    const [text, broken] = [list('s:1:"a";'), list('s:1:"\xff";')]
    const fastestMs = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    // By turns, and the best of many: the machine may be busy with something else. A decoder that throws takes sixteen times.
    for (let round = 0; round < 20; round += 1) {
      for (const [i, input] of [text, broken].entries()) {
        const startedMs = performance.now()
        decodePhpSerialized(input)
        fastestMs[i] = Math.min(fastestMs[i] ?? 0, performance.now() - startedMs)
      }
    }
    expect(fastestMs[1]).toBeLessThan((fastestMs[0] ?? 0) * 4)
  })

  it('ten values cost no more than their bytes, whatever they claim', { retry: 3 }, () => {
    for (const hostile of [
      'a:9999999:{',
      's:9999999:"',
      'O:9999999:"',
      `a:9999:{${'i:0;'.repeat(9_999)}`,
      'R:'.repeat(400_000),
    ]) {
      const startedMs = performance.now()
      expect(() => decode(hostile)).toThrow(PhpFormatError)
      expect(performance.now() - startedMs).toBeLessThan(100)
    }
  })
})

describe('P02: mutations of what PHP writes', () => {
  const seeds = [
    'a:3:{i:0;s:5:"admin";s:1:"x";a:1:{s:1:"y";d:0.5;}i:7;b:1;}',
    'O:4:"User":3:{s:2:"id";i:42;s:7:"\x00*\x00role";s:5:"admin";s:1:"f";R:2;}',
    'a:2:{i:0;E:10:"Role:Admin";i:1;C:1:"A":3:{abc}}',
    'a:2:{i:0;O:1:"A":0:{}i:1;r:2;}',
  ].map(bytes)

  it('throw nothing but PhpFormatError, each within 20 ms', { retry: 3 }, () => {
    const random = randomOf(20261121)
    const until = performance.now() + 1_500
    let runs = 0
    let slowestMs = 0
    while (performance.now() < until) {
      const seed = seeds[random(seeds.length)] as Buffer
      const mutated = Buffer.from(seed)
      for (let i = random(4); i >= 0; i -= 1) mutated[random(mutated.length)] = random(256)
      const input = random(5) === 0 ? Buffer.concat([mutated.subarray(0, random(mutated.length)), seed]) : mutated
      const startedMs = performance.now()
      try {
        decodePhpSerialized(input)
      } catch (error) {
        if (!(error instanceof PhpFormatError)) throw error
      }
      slowestMs = Math.max(slowestMs, performance.now() - startedMs)
      runs += 1
    }
    expect(runs).toBeGreaterThan(1_000)
    // A pause of the garbage collector or of the machine is not the decoder's.
    expect(slowestMs).toBeLessThan(200)
  })
})

describe('against PHP itself', () => {
  it('reads 400 random values as PHP wrote them', () => {
    const php = spawnSync('php', ['-v'])
    if (php.status !== 0) throw new Error('install php-cli and php-redis: these tests ask PHP itself')
    // Written by PHP, twice: serialized, and as JSON with what JSON cannot say marked.
    const script = `
      mt_srand(7);
      function value($depth) {
        switch (mt_rand(0, $depth > 3 ? 5 : 7)) {
          case 0: return null;
          case 1: return (bool) mt_rand(0, 1);
          case 2: return mt_rand(-1000, 1000) * mt_rand(1, 1000000);
          case 3: return mt_rand() / 7;
          case 4: return str_repeat(chr(mt_rand(32, 126)), mt_rand(0, 20)) . "é\\u{1F600}";
          case 5: return (string) mt_rand(0, 100);
          case 6: $list = []; for ($i = mt_rand(1, 5); $i > 0; $i--) $list[] = value($depth + 1); return $list;
          case 7: $map = ['k' => 1]; for ($i = mt_rand(0, 5); $i > 0; $i--) $map['k' . mt_rand(0, 99)] = value($depth + 1); return $map;
        }
      }
      $out = [];
      for ($i = 0; $i < 400; $i++) { $v = value(0); $out[] = [base64_encode(serialize($v)), $v]; }
      echo json_encode($out, JSON_PRESERVE_ZERO_FRACTION);`
    const cases = JSON.parse(execFileSync('php', ['-r', script]).toString()) as [string, unknown][]
    expect(cases).toHaveLength(400)
    for (const [written, value] of cases) {
      const read = decodePhpSerialized(Buffer.from(written, 'base64'))
      expect(JSON.parse(JSON.stringify(read))).toEqual(value)
    }
  })
})

describe('a reader', () => {
  it('keeps one set of references over several values', () => {
    const reader = createPhpReader(bytes('O:1:"A":0:{}|r:1;'))
    const first = reader.value()
    expect(reader.until(0x7c)).toHaveLength(0)
    expect([reader.value() === first, reader.atEnd]).toEqual([true, true])
    expect(() => reader.take(1)).toThrow(PhpFormatError)
  })
})
