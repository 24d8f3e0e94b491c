/** The page: who may not look sees the log-in, who may sees a view. */

import { useEffect, useRef } from 'preact/hooks'
import { loadSession, refusal, session } from './api.ts'
import { Frame } from './parts/frame.tsx'
import { SignIn } from './parts/sign-in.tsx'
import { route, VIEWS, type View } from './route.ts'
import { Connections } from './views/connections.tsx'
import { DecisionsView } from './views/decisions.tsx'
import { Explain } from './views/explain.tsx'
import { OverviewView } from './views/overview.tsx'
import { Revoke } from './views/revoke.tsx'
import { Rooms } from './views/rooms.tsx'
import { ShadowView } from './views/shadow.tsx'
import { SocketView } from './views/socket.tsx'

const PAGES: Readonly<Record<View, (props: { params: Readonly<Record<string, string>> }) => preact.JSX.Element>> = {
  overview: OverviewView,
  connections: Connections,
  decisions: DecisionsView,
  rooms: Rooms,
  explain: Explain,
  revoke: Revoke,
  shadow: ShadowView,
  socket: SocketView,
}

export function App() {
  useEffect(() => void loadSession(), [])
  if (session.value === undefined) return <p class="boot">Loading…</p>
  if (session.value === null) return <SignIn refused={refusal.value} />
  return (
    <Frame>
      <Page />
    </Frame>
  )
}

function Page() {
  const { view, params } = route.value
  const Shown = PAGES[view]
  const first = useRef(true)
  useEffect(() => {
    document.title = `${VIEWS[view]} · Portcullis inspector`
    // Whoever cannot see that the view changed hears its heading.
    if (!first.current) document.querySelector<HTMLElement>('main h1')?.focus()
    first.current = false
  }, [view])
  return <Shown key={view} params={params} />
}
