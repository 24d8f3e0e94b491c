/** The elements of `index.html`, by id. A missing one is a mistake of ours, and says so at once. */

export function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`index.html has no element with the id ${id}`)
  return found as Kind
}

/** An element with text, never with markup: what is shown may come from anyone. */
export function withText<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, text: string): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  made.textContent = text
  return made
}

/** The text fields of a form, by name. */
export function valuesOf(form: HTMLFormElement): Readonly<Record<string, string>> {
  const values = [...new FormData(form)].map(([name, value]) => [name, String(value)] as const)
  return Object.fromEntries(values)
}

/** Runs `submit` for the form instead of leaving the page; its button rests meanwhile. */
export function onSubmit(
  form: HTMLFormElement,
  submit: (values: Readonly<Record<string, string>>) => Promise<void>,
): void {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    form.setAttribute('aria-busy', 'true')
    try {
      await submit(valuesOf(form))
    } finally {
      form.removeAttribute('aria-busy')
    }
  })
}

export function timeOf(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toLocaleTimeString()
}
