/** Who is in a presence channel: members are users, and a user is there as long as one of its sockets is. */

import type { Socket } from 'socket.io'
import { field } from './laravel-echo-names.ts'

/** As Laravel gives it, and as every member sees the others: no id of a socket or session is in it. */
export interface Member {
  readonly user_id: string | number
  readonly user_info: unknown
}

/** What is kept of a socket in a channel. */
export interface Entry {
  readonly channel: string
  readonly socketId: string
  readonly member: Member
}

/** Where members are kept. */
export interface PresenceStore {
  /** The members as they are then, newest first; `first` where the user was not there before. */
  join(entry: Entry): Promise<{ readonly members: readonly Member[]; readonly first: boolean }>
  /** `last` where the user is not there any more. */
  leave(entry: Entry): Promise<{ readonly last: boolean }>
  members(channel: string): Promise<readonly Member[]>
}

const MAX_USER_ID_LENGTH = 255

/** What the endpoint's answer says of a member; null where it says nothing of use. */
export function memberOf(answer: unknown): Member | null {
  const data = parsed(field(answer, 'channel_data'))
  const id = field(data, 'user_id')
  const sound = typeof id === 'number' ? Number.isFinite(id) : isUserId(id)
  return sound ? { user_id: id as string | number, user_info: field(data, 'user_info') ?? null } : null
}

function isUserId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID_LENGTH && !/\p{Cc}|\p{Cs}/u.test(id)
}

/** RedisBroadcaster answers an object, PusherBroadcaster the text of one. */
function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return null
  }
}

/** 1 and '1' are the same user, as they were to the old server. */
export const userOf = ({ user_id }: Member): string => String(user_id)

/** Of several sockets of a user the newest counts. */
export function oncePerUser(newestFirst: Iterable<Member>): Member[] {
  const users = new Map<string, Member>()
  for (const member of newestFirst) if (!users.has(userOf(member))) users.set(userOf(member), member)
  return [...users.values()]
}

/** In this process only. */
export function memoryStore(): PresenceStore {
  const channels = new Map<string, Map<string, Member>>()
  const newestFirst = (channel: string) => [...(channels.get(channel)?.values() ?? [])].reverse()
  const has = (channel: string, member: Member) => newestFirst(channel).some((each) => userOf(each) === userOf(member))
  return {
    async join({ channel, socketId, member }) {
      const sockets = channels.get(channel) ?? new Map<string, Member>()
      channels.set(channel, sockets)
      const first = !has(channel, member)
      sockets.delete(socketId)
      sockets.set(socketId, member)
      return { members: oncePerUser(newestFirst(channel)), first }
    },
    async leave({ channel, socketId, member }) {
      const sockets = channels.get(channel)
      if (!sockets?.delete(socketId)) return { last: false }
      if (sockets.size === 0) channels.delete(channel)
      return { last: !has(channel, member) }
    },
    members: async (channel) => oncePerUser(newestFirst(channel)),
  }
}

/** Emits to every socket in a channel, of every node, but one. */
export type ToChannel = (channel: string, event: string, data: unknown, except?: string) => void

export interface Presence {
  /** Resolves when the socket has been told who is there, or false where that could not be found out. */
  join(socket: Socket, entry: Entry): Promise<boolean>
  leave(entry: Entry): Promise<void>
  members(channel: string): Promise<readonly Member[]>
}

export interface PresenceParts {
  readonly store: PresenceStore
  readonly toChannel: ToChannel
  readonly changed: (channel: string, members: () => Promise<readonly Member[]>) => void
  readonly failed: (error: Error) => void
}

export function createPresence({ store, toChannel, changed, failed }: PresenceParts): Presence {
  /** What is under way in each channel, so that who joins and leaves at once ends as it should. */
  const queues = new Map<string, Promise<unknown>>()

  function inOrder<Result>(channel: string, work: () => Promise<Result>): Promise<Result> {
    const done = (queues.get(channel) ?? Promise.resolve()).then(work, work)
    queues.set(channel, done)
    const forget = () => {
      if (queues.get(channel) === done) queues.delete(channel)
    }
    done.then(forget, forget)
    return done
  }
  const members = (channel: string) => store.members(channel)
  const tell = (channel: string) => changed(channel, () => members(channel))

  return {
    join: (socket, entry) =>
      inOrder(entry.channel, async () => {
        const { channel, member } = entry
        try {
          const { members, first } = await store.join(entry)
          socket.emit('presence:subscribed', channel, members)
          if (first) toChannel(channel, 'presence:joining', member, socket.id)
          tell(channel)
          return true
        } catch (error) {
          failed(error as Error)
          return false
        }
      }),
    leave: (entry) =>
      inOrder(entry.channel, async () => {
        try {
          const { last } = await store.leave(entry)
          if (last) toChannel(entry.channel, 'presence:leaving', entry.member)
          tell(entry.channel)
        } catch (error) {
          failed(error as Error)
        }
      }),
    members,
  }
}
