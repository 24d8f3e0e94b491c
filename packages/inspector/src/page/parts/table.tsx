/** A table that becomes a list of cards where it is narrow, and stays a table for whoever hears it. */

import type { ComponentChildren } from 'preact'

/** One column: its heading, and what stands in it. `end` puts numbers to the right. */
export interface Column<T> {
  readonly head: string
  readonly cell: (row: T) => ComponentChildren
  readonly end?: boolean
}

interface Props<T> {
  readonly label: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  readonly toneOf?: (row: T) => string
  /** What stands there when there are no rows. */
  readonly empty: ComponentChildren
}

// The roles are named because a browser forgets them when a table is laid out as blocks.
export function Table<T>({ label, columns, rows, keyOf, toneOf, empty }: Props<T>) {
  if (rows.length === 0) return <p class="empty">{empty}</p>
  return (
    // biome-ignore lint/a11y/noRedundantRoles: see above
    <table class="grid" role="table" aria-label={label}>
      {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
      <thead role="rowgroup">
        {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
        <tr role="row">
          {columns.map(({ head, end }) => (
            // biome-ignore lint/a11y/noRedundantRoles: see above
            <th key={head} role="columnheader" scope="col" class={end ? 'end' : undefined}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      {/* biome-ignore lint/a11y/noRedundantRoles: see above */}
      <tbody role="rowgroup">
        {rows.map((row) => (
          // biome-ignore lint/a11y/noRedundantRoles: see above
          <tr key={keyOf(row)} role="row" class={toneOf?.(row)}>
            {columns.map(({ head, cell, end }) => (
              // biome-ignore lint/a11y/noRedundantRoles: see above
              <td key={head} role="cell" data-head={head} class={end ? 'end' : undefined}>
                <div>{cell(row)}</div>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}
