/** Ends somebody's authority, and shows on which node it has ended. */

import { useState } from 'preact/hooks'
import type { ReceiptInfo } from '../../source.ts'
import { post, session } from '../api.ts'
import { Choice, Field, FormError, valuesOf } from '../parts/field.tsx'
import { Heading } from '../parts/heading.tsx'
import { ReceiptView } from '../parts/receipt.tsx'

const KEYS = [
  ['principal', 'everything of a principal'],
  ['session', 'one session, by its id'],
  ['tokenId', 'one token, by its jti'],
  ['tag', 'a tag'],
] as const

const ACTIONS = [
  ['revoke', 'revoke: the credential is dead, too'],
  ['disconnect', 'disconnect: the credential stays good'],
] as const

export function Revoke({ params }: { params: Readonly<Record<string, string>> }) {
  const [kind, setKind] = useState('principal')
  const [action, setAction] = useState('revoke')
  const [receipt, setReceipt] = useState<ReceiptInfo | null>(null)
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const { issuer, subject, name, graceSeconds } = valuesOf(event.currentTarget as HTMLFormElement)
    const key = kind === 'principal' ? { issuer, subject } : { [kind]: name }
    const grace = action === 'revoke' && graceSeconds !== undefined ? { graceMs: Number(graceSeconds) * 1000 } : {}
    setBusy(true)
    setError(null)
    setReceipt(null)
    try {
      setReceipt(await post<ReceiptInfo>(action, { key, ...grace }))
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : 'It failed.')
    } finally {
      setBusy(false)
    }
  }

  if (!session.value?.mayRevoke) {
    return (
      <>
        <Heading>Revoke</Heading>
        <p class="empty">You may look, but not revoke.</p>
      </>
    )
  }
  return (
    <>
      <Heading>Revoke</Heading>
      <p class="lead">
        Ends authority on every node. The receipt says which nodes have applied it, and which are fenced: silent for so
        long that they must have stopped serving by themselves.
      </p>
      <form class="card form" onSubmit={submit} key={JSON.stringify(params)}>
        <Choice label="Whom" name="kind" value={kind} options={KEYS} onChoose={setKind} />
        {kind === 'principal' ? (
          <>
            <Field label="Issuer" name="issuer" value={params.issuer} required />
            <Field label="Subject" name="subject" value={params.subject} required />
          </>
        ) : (
          <Field label={NAMES[kind] ?? 'Name'} name="name" required />
        )}
        <Choice label="How" name="action" value={action} options={ACTIONS} onChoose={setAction} />
        {action === 'revoke' && (
          <Field
            label="Grace"
            name="graceSeconds"
            type="number"
            hint="seconds that connected sockets may go on; empty is none"
          />
        )}
        <label class="check">
          <input type="checkbox" required /> I mean it: this cannot be taken back.
        </label>
        <div class="form-end">
          <button type="submit" class="danger" disabled={busy}>
            {busy ? 'Waiting for every node…' : action === 'revoke' ? 'Revoke' : 'Disconnect'}
          </button>
          <FormError>{error}</FormError>
        </div>
      </form>
      <div aria-live="polite">{receipt !== null && <ReceiptView receipt={receipt} />}</div>
    </>
  )
}

const NAMES: Readonly<Record<string, string>> = { session: 'Session id', tokenId: 'Token id (jti)', tag: 'Tag' }
