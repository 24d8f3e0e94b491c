/** What a test saw, for whoever runs it for its figures (`npm run faults`): vitest hands it on in its report. */

/** Figures of the present test; noted before what may fail. */
export function noteFigures(task: { readonly meta: object }, figures: Readonly<Record<string, number>>): void {
  const meta = task.meta as { figures?: Record<string, number> }
  meta.figures = { ...meta.figures, ...figures }
}
