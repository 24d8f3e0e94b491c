/** Presence: who is in a room, on all nodes. */

export { memoryPresence } from './memory-store.ts'
export { createPresence, type Presence, type PresenceNotice, type PresenceOptions } from './presence.ts'
export type { PresenceClient, PresenceSubscriber } from './redis-commands.ts'
export { type RedisPresenceOptions, redisPresence } from './redis-store.ts'
export type { PresenceChange, PresenceList, PresenceMember, PresenceStore } from './store.ts'
