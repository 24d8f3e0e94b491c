/** What is wrong with a file: where, which option, why. */

import type { Document, LineCounter, Node } from 'yaml'
import { isMap, isNode, isPair } from 'yaml'
import type { z } from 'zod'
import { whyNoCondition } from './conditions.ts'

/** One mistake. Line and column count from 1. */
export interface Mistake {
  readonly file: string
  readonly line: number
  readonly column: number
  /** As `namespaces./news.rooms`; empty for the file as a whole. */
  readonly option: string
  readonly message: string
}

export type Path = readonly (string | number)[]

/** A configuration that cannot be used. Its message has a line for each mistake: `file:line:column: "option" why`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly mistakes: readonly Mistake[]

  constructor(mistakes: readonly Mistake[]) {
    super(mistakes.map(textOf).join('\n'))
    this.mistakes = mistakes
  }
}

function textOf({ file, line, column, option, message }: Mistake): string {
  return `${file}:${line}:${column}: ${option === '' ? '' : `"${option}" `}${message}`.replace('" : ', '": ')
}

/** Finds where an option stands in a file. */
export interface Places {
  mistake(path: Path, message: string): Mistake
}

export function placesIn(file: string, document: Document, lines: LineCounter): Places {
  return {
    mistake(path, message) {
      const { line, col } = lines.linePos(offsetOf(document, path))
      return { file, line: Math.max(1, line), column: Math.max(1, col), option: optionOf(path), message }
    },
  }
}

/** Of the key where there is one, else of the deepest thing above it that exists. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true)
    const last = path[length - 1]
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isPair(item) && String((item.key as { value?: unknown }).value) === String(last),
      )
      const key = pair?.key
      if (isNode(key) && key.range) return key.range[0]
    }
    const node = document.getIn(path.slice(0, length), true) as Node | undefined
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

function optionOf(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  )
}

/** The issues of zod as mistakes: a union is told by its branch that was meant, a condition in words of its own. */
export function mistakesOf(issues: readonly z.core.$ZodIssue[], value: unknown, places: Places): readonly Mistake[] {
  return issues.flatMap((issue) => explain(issue, value, [])).map(({ path, message }) => places.mistake(path, message))
}

interface Told {
  readonly path: Path
  readonly message: string
}

function explain(issue: z.core.$ZodIssue, root: unknown, above: Path): readonly Told[] {
  const path = [...above, ...(issue.path as (string | number)[])]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], message: 'is not an option here' }))
  }
  if (issue.code === 'invalid_type' && valueAt(root, path) === undefined) return [{ path, message: 'is required' }]
  if (issue.code === 'invalid_key') return [{ path, message: issue.issues[0]?.message ?? issue.message }]
  if (issue.code !== 'invalid_union') return [{ path, message: issue.message }]
  if (valueAt(root, path) === undefined) return [{ path, message: 'is required' }]
  if (isCondition(path)) {
    const why = whyNoCondition(valueAt(root, path))
    return [{ path: [...path, ...why.path], message: why.message }]
  }
  if (issue.errors.length === 0) {
    // A discriminated union: which word decides, and what it may be.
    return [{ path, message: `${issue.message}: one of ${unionWords(issue)}` }]
  }
  // The branch that got furthest is the one that was meant: not one that the value's own type rules out.
  const meant = issue.errors
    .filter((branch) => !branch.some((each) => each.path.length === 0 && each.code !== 'unrecognized_keys'))
    .sort((a, b) => a.length - b.length)[0]
  if (meant !== undefined) return meant.flatMap((each) => explain(each, root, path))
  const only = issue.errors.flat().filter((each) => each.code === 'custom' || each.code === 'invalid_format')
  return [
    {
      path,
      message:
        issue.message === 'Invalid input' ? (only[0]?.message ?? 'is none of what may stand here') : issue.message,
    },
  ]
}

function unionWords(issue: z.core.$ZodIssueInvalidUnion): string {
  const options = (issue as { options?: readonly unknown[] }).options
  return options === undefined ? 'those in the documentation' : options.map(String).join(', ')
}

/** The options that hold a condition, by their place. */
function isCondition(path: Path): boolean {
  const last = path.at(-1)
  return path[0] === 'namespaces' && (last === 'connect' || last === 'allow' || last === 'presence')
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root
  for (const part of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    value = (value as Record<string | number, unknown>)[part]
  }
  return value
}
