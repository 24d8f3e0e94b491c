/** The log-in. */

import { useState } from 'preact/hooks'
import { ApiError, loadSession, post, type Refused } from '../api.ts'
import { ICON } from '../icon.ts'

export function SignIn({ refused }: { refused: Refused | null }) {
  const [error, setError] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)

  async function submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const form = event.currentTarget as HTMLFormElement
    const data = new FormData(form)
    setBusy(true)
    setError(null)
    try {
      await post('sign-in', { name: data.get('name'), password: data.get('password') })
      await loadSession()
    } catch (cause) {
      setError(cause instanceof ApiError ? cause.message : 'Logging in failed.')
      const password = form.querySelector<HTMLInputElement>('[name=password]')
      if (password !== null) {
        password.value = ''
        password.focus()
      }
    } finally {
      setBusy(false)
    }
  }

  return (
    <main class="sign-in">
      <h1>
        <img src={ICON} alt="" width="32" height="32" /> Portcullis inspector
      </h1>
      {refused !== null && refused.kind !== 'password' ? (
        <>
          <p role="alert">{refused.title}</p>
          <button type="button" onClick={() => void loadSession()}>
            Try again
          </button>
        </>
      ) : (
        <form onSubmit={submit}>
          <label>
            Name
            <input name="name" autocomplete="username" autocapitalize="none" spellcheck={false} required />
          </label>
          <label>
            Password
            <input name="password" type="password" autocomplete="current-password" required />
          </label>
          <p role="alert" class="form-error">
            {error}
          </p>
          <button type="submit" class="primary" disabled={busy}>
            {busy ? 'Logging in…' : 'Log in'}
          </button>
        </form>
      )}
    </main>
  )
}
