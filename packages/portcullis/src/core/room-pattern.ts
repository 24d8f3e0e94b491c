/** Room names and the patterns that rules are written for. Linear matching, no regular expression from outside. */

/** Characters that a parameter never crosses, as UTF-16 code units: `:`, `.` and `/`. */
const [COLON, DOT, SLASH] = [0x3a, 0x2e, 0x2f]
const NAME = /^[A-Za-z0-9_\-=@,.;:/]{1,200}$/
const PARAMETER = /^[A-Za-z_][A-Za-z0-9_]*$/

/** The parameter names of a pattern: `ParamsOf<'org:{org}:room:{id}'>` is `{ org: string; id: string }`. */
export type ParamsOf<Pattern extends string> = {
  readonly [Name in ParamNames<Pattern>]: string
}
type ParamNames<Pattern extends string> = Pattern extends `${string}{${infer Name}}${infer Rest}`
  ? Name | ParamNames<Rest>
  : never

/** A compiled pattern. `match` gives the parameters in a null-prototype object, or null. */
export interface RoomPattern {
  readonly source: string
  match(room: string): Readonly<Record<string, string>> | null
}

/**
 * True for a room name that a client may speak of: 1 to 200 of `A-Z a-z 0-9 _ - = @ , . ; : /`, compared code point by
 * code point, not starting with the reserved `auth:`.
 */
export function isRoomName(value: unknown): value is string {
  return typeof value === 'string' && NAME.test(value) && !value.startsWith('auth:')
}

/**
 * Compiles `organization.{id}`. A parameter takes one or more characters up to the next `:`, `.` or `/`; everything
 * else is literal. `*` has no meaning and is refused.
 *
 * @throws TypeError quoting the pattern
 */
export function compileRoomPattern(source: string): RoomPattern {
  const parts = parse(source)
  return {
    source,
    match(room) {
      const params: Record<string, string> = Object.create(null)
      let at = 0
      for (const part of parts) {
        if (part.kind === 'literal') {
          if (!room.startsWith(part.text, at)) return null
          at += part.text.length
        } else {
          const start = at
          while (at < room.length && !isSeparator(room.charCodeAt(at))) at += 1
          if (at === start) return null
          params[part.name] = room.slice(start, at)
        }
      }
      return at === room.length ? params : null
    },
  }
}

function isSeparator(codeUnit: number): boolean {
  return codeUnit === COLON || codeUnit === DOT || codeUnit === SLASH
}

type Part = { readonly kind: 'literal'; readonly text: string } | { readonly kind: 'param'; readonly name: string }

function parse(source: string): readonly Part[] {
  const fail = (why: string): never => {
    throw new TypeError(`room pattern ${JSON.stringify(source)} ${why}`)
  }
  if (typeof source !== 'string' || source === '') fail('must be a non-empty string')
  const parts: Part[] = []
  const names = new Set<string>()
  let at = 0
  while (at < source.length) {
    const open = source.indexOf('{', at)
    const text = open === -1 ? source.slice(at) : source.slice(at, open)
    if (text !== '') {
      if (!NAME.test(text)) fail('may only contain letters, digits and _ - = @ , . ; : / outside of {parameters}')
      if (parts.at(-1)?.kind === 'param' && !isSeparator(text.charCodeAt(0))) {
        fail('needs one of : . / after a {parameter}, since a parameter reaches up to the next one')
      }
      parts.push({ kind: 'literal', text })
    }
    if (open === -1) break
    const close = source.indexOf('}', open)
    if (close === -1) fail('has a { without }')
    const name = source.slice(open + 1, close)
    if (!PARAMETER.test(name)) fail(`has a parameter ${JSON.stringify(name)} that is not a name`)
    if (names.has(name)) fail(`uses the parameter ${JSON.stringify(name)} twice`)
    if (parts.at(-1)?.kind === 'param') fail('has two {parameters} with nothing between them')
    names.add(name)
    parts.push({ kind: 'param', name })
    at = close + 1
  }
  if (!parts.some((part) => part.kind === 'literal')) {
    fail('needs literal text besides its {parameter}: alone it would also match the private rooms of other sockets')
  }
  const first = parts[0]
  if (first?.kind === 'literal' && first.text.startsWith('auth:')) fail('starts with the reserved "auth:"')
  return parts
}
