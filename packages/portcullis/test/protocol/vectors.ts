/** The conformance vectors of docs/protocol-vectors.json, and when an answer is the one expected. */

import { readFileSync } from 'node:fs'

/** Any one of these; `connect` alone has to be admitted. */
export type Step =
  | { readonly connect: ConnectOptions; readonly refused?: unknown }
  | { readonly emit: readonly [string, ...unknown[]]; readonly answer: unknown }
  | { readonly send: readonly [string, ...unknown[]] }
  | { readonly receive: string; readonly body: unknown }
  | { readonly absent: string }
  | { readonly disconnected: true }

export interface ConnectOptions {
  readonly auth?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

export interface Settings {
  readonly deferMs?: number
  readonly graceMs?: number
}

export interface Scenario {
  readonly name: string
  readonly settings?: Settings
  readonly steps: readonly Step[]
}

export interface Vectors {
  readonly server: {
    readonly namespace: string
    /** Epoch seconds. */
    readonly clock: number
    readonly origin: string
    readonly credentials: Readonly<
      Record<string, { readonly subject: string; readonly org: string; readonly expiresAt: number | null }>
    >
    readonly events: Readonly<Record<string, string>>
  }
  readonly scenarios: readonly Scenario[]
}

export const VECTORS_FILE = new URL('../../../../docs/protocol-vectors.json', import.meta.url)

export const { server: SERVER, scenarios: SCENARIOS } = JSON.parse(readFileSync(VECTORS_FILE, 'utf8')) as Vectors

/** Null when `value` is as expected, else where it is not. Keys that are not expected may be there. */
export function differenceOf(expected: unknown, value: unknown, path = 'it'): string | null {
  if (Array.isArray(expected)) {
    if (!Array.isArray(value) || value.length !== expected.length) return differs(path, expected, value)
    return first(expected.map((item, i) => differenceOf(item, value[i], `${path}[${i}]`)))
  }
  if (typeof expected !== 'object' || expected === null)
    return expected === value ? null : differs(path, expected, value)
  if ('$any' in expected) return typeof value === expected.$any ? null : differs(path, expected, value)
  if ('$unordered' in expected) {
    const sorted = Array.isArray(value) ? [...value].sort() : value
    return differenceOf([...(expected.$unordered as string[])].sort(), sorted, path)
  }
  if (typeof value !== 'object' || value === null) return differs(path, expected, value)
  return first(
    Object.entries(expected).map(([key, item]) =>
      differenceOf(item, (value as Record<string, unknown>)[key], `${path}.${key}`),
    ),
  )
}

function first(differences: readonly (string | null)[]): string | null {
  return differences.find((difference) => difference !== null) ?? null
}

function differs(path: string, expected: unknown, value: unknown): string {
  return `${path} is ${JSON.stringify(value)}, not ${JSON.stringify(expected)}`
}
