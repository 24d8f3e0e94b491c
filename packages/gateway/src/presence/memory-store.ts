/** Presence of a single node, in its own memory. */

import { bySeniority, type PresenceMember, type PresenceNode, type PresenceStore } from './store.ts'

/** For one node: members of others are not seen, and nothing outlives the process. */
export function memoryPresence(): PresenceStore {
  const rooms = new Map<string, Map<string, PresenceMember>>()
  let node: PresenceNode | null = null
  return {
    async open(opened) {
      node = opened
    },
    async put(records) {
      return records.map(({ namespace, room, issuer, subject, scheme, since, connections }) => {
        const name = JSON.stringify([namespace, room])
        const member = JSON.stringify([issuer, subject])
        const members = rooms.get(name) ?? new Map<string, PresenceMember>()
        const before = members.get(member)
        if (connections > 0) {
          rooms.set(name, members)
          members.set(member, { issuer, subject, scheme, since: before?.since ?? since, connections })
        } else {
          members.delete(member)
          if (members.size === 0) rooms.delete(name)
        }
        if (connections > 0 === (before !== undefined)) return 'none'
        const kind = connections > 0 ? 'join' : 'leave'
        const at = Math.floor(Date.now() / 1000)
        const change = { kind, namespace, room, issuer, subject, scheme: before?.scheme ?? scheme, at } as const
        node?.noticed(change)
        node?.changed(change)
        return kind
      })
    },
    async members(namespace, room) {
      const members = [...(rooms.get(JSON.stringify([namespace, room]))?.values() ?? [])]
      return { members: members.sort(bySeniority), partial: false }
    },
    async close() {
      node = null
      rooms.clear()
    },
  }
}
