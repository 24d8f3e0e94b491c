/** News items, and what may be in one. */

import { z } from 'zod'
import type { Database } from './database.ts'

export interface NewsItem {
  readonly id: string
  readonly organization: string
  readonly title: string
  readonly body: string
  /** Display name, or null when the account is gone. */
  readonly author: string | null
  /** Epoch seconds. */
  readonly createdAt: number
}

/** No control characters but line breaks and tabs: PostgreSQL refuses U+0000, and nobody can see the others. */
const text = (max: number) =>
  z
    .string()
    .max(max)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    .regex(/^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$/)

export const newsDraft = z.strictObject({ title: text(200).trim().min(1), body: text(4_000).default('') })
export type NewsDraft = z.infer<typeof newsDraft>

/** The name of an organization, as in the room `organization.{id}`. */
export const organizationId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

export interface News {
  publish(organization: string, authorId: string, draft: NewsDraft): Promise<NewsItem>
  /** Newest first. */
  history(organization: string, limit: number): Promise<readonly NewsItem[]>
}

const ITEM = `n.id::text, n.organization_id as organization, n.title, n.body, u.display as author,
  extract(epoch from n.created_at)::float8 as "createdAt"`

export function createNews(database: Database): News {
  return {
    async publish(organization, authorId, { title, body }) {
      const sql = `with n as (insert into news (organization_id, title, body, author_id) values ($1, $2, $3, $4) returning *)
        select ${ITEM} from n left join users u on u.id = n.author_id`
      const [item] = await database.query<NewsItem>(sql, [organization, title, body, authorId])
      if (item === undefined) throw new Error('the insert returned no row')
      return item
    },
    async history(organization, limit) {
      const sql = `select ${ITEM} from news n left join users u on u.id = n.author_id
        where n.organization_id = $1 order by n.id desc limit $2`
      return database.query<NewsItem>(sql, [organization, limit])
    },
  }
}
