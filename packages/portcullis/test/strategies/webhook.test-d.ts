import type { Identity, StandardSchemaV1 } from 'portcullis'
import {
  type VerifiedWebhook,
  verifyWebhook,
  type WebhookAnswer,
  type WebhookClaims,
  type WebhookStrategy,
  webhook,
} from 'portcullis/strategies/webhook'
import { expectTypeOf, test } from 'vitest'

const base = { url: 'https://app.example/hook', secret: 'whsec_', issuer: 'app' }

test('claims and scheme are inferred', () => {
  expectTypeOf(webhook(base)).toEqualTypeOf<WebhookStrategy<Identity<'webhook', WebhookClaims>>>()
  const claims = {} as StandardSchemaV1<unknown, { org: string }>
  const typed = webhook({ ...base, claims, scheme: 'php' })
  expectTypeOf(typed).toEqualTypeOf<WebhookStrategy<Identity<'php', { org: string }>>>()
  expectTypeOf(typed.state().breaker).toEqualTypeOf<'closed' | 'open' | 'half_open'>()
  expectTypeOf(typed.purge).toEqualTypeOf<() => void>()
})

test('secret and issuer are required, and certificates are always checked', () => {
  // @ts-expect-error: a request that is not signed could come from anyone
  webhook({ url: base.url, issuer: 'app' })
  // @ts-expect-error: nobody's subjects
  webhook({ url: base.url, secret: '' })
  // @ts-expect-error: no such option
  webhook({ ...base, rejectUnauthorized: false })
})

test('an answer permits, refuses or knows nobody', () => {
  expectTypeOf<{ permit: true; subject: string }>().toExtend<WebhookAnswer>()
  expectTypeOf<{ permit: false; code: 'AUTH_EXPIRED' }>().toExtend<WebhookAnswer>()
  expectTypeOf<{ permit: true }>().not.toExtend<WebhookAnswer>()
  expectTypeOf<{ permit: false; code: 'AUTH_ERROR' }>().not.toExtend<WebhookAnswer>()
})

test('verifying gives the id, or null', () => {
  expectTypeOf(verifyWebhook('', {}, '')).toEqualTypeOf<VerifiedWebhook | null>()
})
