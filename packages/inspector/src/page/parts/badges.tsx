/** Small words with a colour and a shape: never a colour alone. */

import type { NodeCondition } from '../../source.ts'
import { codeWord } from '../format.ts'

const TONES: Readonly<Record<NodeCondition, 'good' | 'late' | 'bad'>> = {
  fresh: 'good',
  live: 'good',
  starting: 'late',
  draining: 'late',
  unknown: 'late',
  suspended: 'bad',
  closed: 'bad',
  silent: 'bad',
}

export function NodeState({ state }: { state: NodeCondition }) {
  return <span class={`badge ${TONES[state]}`}>{state}</span>
}

export function Effect({ effect }: { effect: 'permit' | 'deny' | 'none' }) {
  return (
    <span class={`effect ${effect}`}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        <path d={SHAPES[effect]} />
      </svg>
      {effect}
    </span>
  )
}

const SHAPES = { permit: 'M2 6.5 5 9.5 10 3', deny: 'M3 3 9 9M9 3 3 9', none: 'M3 6H9' } as const

/** A code in words; the code itself for whoever searches for it. */
export function Code({ code }: { code: string | null }) {
  return code === null ? null : (
    <span class="code" title={code}>
      {codeWord(code)}
    </span>
  )
}
