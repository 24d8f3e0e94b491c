/** What surrounds every view: where one is, how the node is, who is logged in. */

import type { ComponentChildren } from 'preact'
import type { Overview } from '../../source.ts'
import { get, post, session } from '../api.ts'
import { ICON } from '../icon.ts'
import { usePolled } from '../polled.ts'
import { href, route, VIEWS, type View } from '../route.ts'
import { type Theme, theme } from '../theme.ts'
import { NodeState } from './badges.tsx'

const LISTED: readonly View[] = ['overview', 'connections', 'decisions', 'rooms', 'explain', 'revoke', 'shadow']

export function Frame({ children }: { children: ComponentChildren }) {
  const { data, error } = usePolled<Overview>('frame', 5_000, (abort) => get('overview', {}, abort))
  const { view } = route.value
  const here = view === 'socket' ? 'connections' : view
  return (
    <>
      {/* biome-ignore lint/a11y/useValidAnchor: it leads to a place of this page, though the hash belongs to the views */}
      <a class="skip" href="#content" onClick={skip}>
        Skip to content
      </a>
      <header class="top">
        <div class="brand">
          <img src={ICON} alt="" width="24" height="24" />
          <span class="brand-title">{data?.title ?? 'Portcullis'}</span>
          {data !== null && <NodeState state={data.state} />}
        </div>
        <div class="account">
          <ThemeChoice />
          <span class="account-name">{session.value?.name}</span>
          {session.value?.signIn === 'password' && (
            <button type="button" onClick={signOut}>
              Log out
            </button>
          )}
        </div>
      </header>
      <nav class="views" aria-label="Views">
        <ul>
          {LISTED.map((each) => (
            <li key={each}>
              <a href={href(each)} aria-current={each === here ? 'page' : undefined}>
                {VIEWS[each]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <main id="content" tabIndex={-1}>
        <p class="banner" role="status" hidden={error === null}>
          {error}
        </p>
        {children}
      </main>
    </>
  )
}

/** The hash is taken by the views. */
function skip(event: MouseEvent): void {
  event.preventDefault()
  document.querySelector<HTMLElement>('#content')?.focus()
}

async function signOut(): Promise<void> {
  await post('sign-out').catch(() => {})
  session.value = null
}

function ThemeChoice() {
  return (
    <label class="theme">
      <span class="hidden-text">Colours</span>
      <select value={theme.value} onChange={(event) => (theme.value = event.currentTarget.value as Theme)}>
        <option value="auto">Auto</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  )
}
