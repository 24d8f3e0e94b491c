/** Which view is shown, kept behind the `#`, so that a reload and a bookmark show the same, below any path. */

import { signal } from '@preact/signals'

/** The views. */
export const VIEWS = {
  overview: 'Overview',
  connections: 'Connections',
  decisions: 'Decisions',
  rooms: 'Rooms',
  explain: 'Explain',
  revoke: 'Revoke',
  shadow: 'Shadow',
  socket: 'Socket',
} as const

/** The name of a view. */
export type View = keyof typeof VIEWS

/** A view, and what it is asked to show. */
export interface Route {
  readonly view: View
  readonly params: Readonly<Record<string, string>>
}

function read(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?', 2)
  const view = Object.hasOwn(VIEWS, path) ? (path as View) : 'overview'
  return { view, params: Object.fromEntries(new URLSearchParams(query)) }
}

/** What the address says. */
export const route = signal<Route>(read())
addEventListener('hashchange', () => {
  route.value = read()
})

/** The address of a view; what is empty is left out. */
export function href(view: View, params: Readonly<Record<string, string | undefined>> = {}): string {
  const given = Object.entries(params).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '',
  )
  const query = new URLSearchParams(given).toString()
  return query === '' ? `#/${view}` : `#/${view}?${query}`
}

/** Shows another view. */
export function go(view: View, params: Readonly<Record<string, string | undefined>> = {}): void {
  location.hash = href(view, params)
}
