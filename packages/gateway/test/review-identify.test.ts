/** Numbers of a session that JSON cannot hold. */

import { expect, it } from 'vitest'
import { compileIdentify } from '../src/means/identify.ts'

const LONG = 9_007_199_254_740_993n

it('a subject beyond 2^53 is that number, and a claim beyond it is no other number', () => {
  const subject = compileIdentify({ subject: 'session.id', claims: {} }, 'session')
  expect(subject({ id: LONG })).toMatchObject({ subject: '9007199254740993' })
  expect(subject({ id: 7 })).toMatchObject({ subject: '7' })
  const claim = compileIdentify(
    { subject: '"1"', claims: { org: 'session.org', text: 'string(session.org)' } },
    'session',
  )
  expect(claim({ org: LONG })?.claims).toEqual({ org: '9007199254740993', text: '9007199254740993' })
  expect(claim({ org: 7n })?.claims).toEqual({ org: 7, text: '7' })
})
