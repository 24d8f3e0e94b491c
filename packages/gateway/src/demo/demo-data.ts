/** The demo "organization news": who is in it. */

export const DEMO_NAMES = ['alice', 'bob', 'carol'] as const
export type DemoName = (typeof DEMO_NAMES)[number]

export interface DemoUser {
  readonly name: DemoName
  readonly display: string
  readonly admin: boolean
  readonly members: readonly { readonly organization: string; readonly role: 'editor' | 'reader' }[]
}

export const DEMO_ORGANIZATIONS = [
  { id: 'acme', name: 'Acme' },
  { id: 'globex', name: 'Globex' },
] as const

export const DEMO_USERS: readonly DemoUser[] = [
  { name: 'alice', display: 'Alice', admin: false, members: [{ organization: 'acme', role: 'editor' }] },
  { name: 'bob', display: 'Bob', admin: false, members: [{ organization: 'globex', role: 'reader' }] },
  {
    name: 'carol',
    display: 'Carol',
    admin: true,
    members: [
      { organization: 'acme', role: 'editor' },
      { organization: 'globex', role: 'editor' },
    ],
  },
]

export const DEMO_NEWS = [
  {
    organization: 'acme',
    title: 'Acme opens its news room',
    body: 'Editors of acme publish here; members read along.',
  },
  { organization: 'globex', title: 'Globex says hello', body: 'This item is for the members of globex.' },
] as const
