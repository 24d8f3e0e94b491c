/** "Why was that decided", and "may this one do that". */

import { useEffect, useState } from 'preact/hooks'
import type { Explanation } from '../../source.ts'
import { post } from '../api.ts'
import { ExplanationView } from '../parts/explanation.tsx'
import { Choice, Field, FormError, valuesOf } from '../parts/field.tsx'
import { Heading } from '../parts/heading.tsx'

const ABOUT = [
  ['decision', 'a decision that was made'],
  ['socket', 'a connected socket'],
  ['principal', 'somebody by issuer and subject'],
  ['identity', 'an identity that I describe'],
] as const

type About = (typeof ABOUT)[number][0]

export function Explain({ params }: { params: Readonly<Record<string, string>> }) {
  const [about, setAbout] = useState<About>(aboutOf(params))
  const [answer, setAnswer] = useState<Explanation | null>(null)
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  async function ask(question: unknown): Promise<void> {
    setBusy(true)
    setError(null)
    try {
      setAnswer(await post<Explanation>('explain', question))
    } catch (cause) {
      setAnswer(null)
      setError(cause instanceof Error ? cause.message : 'It failed.')
    } finally {
      setBusy(false)
    }
  }
  useEffect(() => {
    setAbout(aboutOf(params))
    if (params.decision !== undefined) void ask({ decision: params.decision })
  }, [JSON.stringify(params)])

  function submit(event: SubmitEvent): void {
    event.preventDefault()
    try {
      void ask(questionOf(about, valuesOf(event.currentTarget as HTMLFormElement)))
    } catch (cause) {
      setError(cause instanceof Error ? cause.message : 'The question is malformed.')
    }
  }

  return (
    <>
      <Heading>Explain</Heading>
      <p class="lead">The rules of the running server are asked, in their order. Nothing changes by it.</p>
      <form class="card form" onSubmit={submit} key={JSON.stringify(params)}>
        <Choice label="About" name="about" value={about} options={ABOUT} onChoose={(each) => setAbout(each as About)} />
        {about === 'decision' && (
          <Field label="Decision" name="decision" value={params.decision} required hint="its id" />
        )}
        {about === 'socket' && <Field label="Socket" name="socketId" value={params.socketId} required hint="its id" />}
        {(about === 'principal' || about === 'identity') && (
          <>
            {about === 'identity' && <Field label="Strategy" name="scheme" value={params.scheme} required />}
            <Field label="Issuer" name="issuer" value={params.issuer} required />
            <Field label="Subject" name="subject" value={params.subject} required />
          </>
        )}
        {about === 'identity' && <Field label="Claims" name="claims" hint="as JSON; empty is {}" />}
        {about !== 'decision' && (
          <>
            <Field label="Namespace" name="namespace" value={params.namespace ?? '/'} required />
            <Field label="Room" name="room" value={params.room} hint="to ask for a join" />
            <Field
              label="Event"
              name="event"
              value={params.event}
              hint="to ask for an event; with neither, the connect"
            />
          </>
        )}
        <Field label="Arguments" name="args" hint="of the event, as a JSON list; decisions do not keep them" />
        <div class="form-end">
          <button type="submit" class="primary" disabled={busy}>
            Explain
          </button>
          <FormError>{error}</FormError>
        </div>
      </form>
      <div aria-live="polite">{answer !== null && <ExplanationView explanation={answer} />}</div>
    </>
  )
}

function aboutOf(params: Readonly<Record<string, string>>): About {
  if (params.decision !== undefined) return 'decision'
  return params.issuer !== undefined ? 'principal' : 'socket'
}

/** @throws Error in words for the form */
function questionOf(about: About, { about: _, args, claims, ...values }: Record<string, string>): unknown {
  return {
    ...values,
    ...(args === undefined ? {} : { args: parse('Arguments', args) }),
    ...(about === 'identity' ? { claims: claims === undefined ? {} : parse('Claims', claims) } : {}),
  }
}

function parse(label: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`${label}: this is not JSON.`)
  }
}
