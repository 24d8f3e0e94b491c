/** What MessagePack claims about its own size, checked before anything is allocated for it. */

import { isUtf8 } from 'node:buffer'

/** Deeper values overflow the stack of whoever walks them by recursion, as Socket.IO's encoder does. */
const MAX_DEPTH = 32

/** How many bytes follow the first one of a value whose size is fixed; the index is that byte, from 0xc0. */
const FIXED: Readonly<Record<number, number>> = {
  192: 0, // nil
  194: 0, // false
  195: 0, // true
  202: 4, // float 32
  203: 8, // float 64
  204: 1, // uint 8
  205: 2,
  206: 4,
  207: 8,
  208: 1, // int 8
  209: 2,
  210: 4,
  211: 8,
  212: 2, // fixext 1: a type, and then the data
  213: 3,
  214: 5,
  215: 9,
  216: 17,
}

/** By the first byte: how many bytes give the length, and of what. `ext` has a byte for its type as well. */
const SIZED: Readonly<Record<number, readonly [bytes: 1 | 2 | 4, of: 'bin' | 'ext' | 'str' | 'array' | 'map']>> = {
  196: [1, 'bin'],
  197: [2, 'bin'],
  198: [4, 'bin'],
  199: [1, 'ext'],
  200: [2, 'ext'],
  201: [4, 'ext'],
  217: [1, 'str'],
  218: [2, 'str'],
  219: [4, 'str'],
  220: [2, 'array'],
  221: [4, 'array'],
  222: [2, 'map'],
  223: [4, 'map'],
}

/**
 * True when these bytes are one whole value whose strings are UTF-8, and which is at most 32 levels deep. A decoder allocates an array by the
 * length that its header claims; here the claims are added up against the bytes that are there.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
export function isSoundMsgpack(bytes: Buffer): boolean {
  /** For each level, how many values are still to come. */
  const left = [1]
  let at = 0
  const take = (size: number) => {
    at += size
    return at <= bytes.length
  }
  while (left.length > 0) {
    const level = left.length - 1
    const due = left[level] ?? 0
    if (due === 0) {
      left.pop()
      continue
    }
    left[level] = due - 1
    const head = bytes[at]
    if (head === undefined) return false
    at += 1
    const found = childrenOrSize(bytes, head, at)
    if (found === null) return false
    if (!take(found.skip)) return false
    if (found.text && !isUtf8(bytes.subarray(at - found.length, at))) return false
    if (found.children > 0) {
      if (left.length > MAX_DEPTH) return false
      left.push(found.children)
    }
  }
  return at === bytes.length
}

interface Found {
  /** Bytes to pass over, after the first one. */
  readonly skip: number
  readonly children: number
  readonly text: boolean
  /** Of the text, in bytes. */
  readonly length: number
}

function childrenOrSize(bytes: Buffer, head: number, at: number): Found | null {
  if (head < 0x80 || head >= 0xe0) return plain(0)
  if (head < 0x90) return parent(0, (head & 0x0f) * 2)
  if (head < 0xa0) return parent(0, head & 0x0f)
  if (head < 0xc0) return { skip: head & 0x1f, children: 0, text: true, length: head & 0x1f }
  const fixed = FIXED[head]
  if (fixed !== undefined) return plain(fixed)
  const sized = SIZED[head]
  if (sized === undefined) return null
  const [width, of] = sized
  if (at + width > bytes.length) return null
  const length = bytes.readUIntBE(at, width)
  if (of === 'array') return parent(width, length)
  if (of === 'map') return parent(width, length * 2)
  if (of === 'str') return { skip: width + length, children: 0, text: true, length }
  return plain(width + length + (of === 'ext' ? 1 : 0))
}

function plain(skip: number): Found {
  return { skip, children: 0, text: false, length: 0 }
}

function parent(skip: number, children: number): Found {
  return { skip, children, text: false, length: 0 }
}
