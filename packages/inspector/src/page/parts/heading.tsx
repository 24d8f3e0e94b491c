/** The heading of a view: takes the focus when the view changes. */

import type { ComponentChildren } from 'preact'

export function Heading({ children, aside }: { children: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <div class="heading">
      <h1 tabIndex={-1}>{children}</h1>
      {aside}
    </div>
  )
}
