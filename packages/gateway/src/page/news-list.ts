/** The news, newest first, each item once. */

import type { NewsItem } from '../demo/news.ts'
import { element, timeOf, withText } from './elements.ts'

const shown = new Set<string>()

export function showNews(items: readonly NewsItem[]): void {
  const list = element('news')
  // Only what arrives later is read out, not a whole history.
  list.setAttribute('aria-busy', String(items.length > 1))
  for (const item of [...items].sort((a, b) => Number(a.id) - Number(b.id))) {
    if (shown.has(item.id)) continue
    shown.add(item.id)
    list.insertBefore(
      entryOf(item),
      [...list.children].find((other) => Number(other.id.slice(5)) < Number(item.id)) ?? null,
    )
  }
  list.setAttribute('aria-busy', 'false')
  element('news-none').hidden = shown.size > 0
}

export function clearNews(): void {
  shown.clear()
  element('news').replaceChildren()
  element('news-none').hidden = false
}

function entryOf({ id, organization, title, body, author, createdAt }: NewsItem): HTMLLIElement {
  const entry = document.createElement('li')
  entry.id = `news-${id}`
  entry.append(
    withText('strong', title),
    withText('small', `${organization} · ${author ?? 'no author'} · ${timeOf(createdAt)}`),
  )
  if (body !== '') entry.append(withText('p', body))
  return entry
}
