/** The settings of Socket.IO 0.9's manager: kept, without effect, or refused where one protected something. */

import { LIBRARY } from './socketio-0.9-options.ts'

/** What each of them is written as today. */
const REFUSED: Readonly<Record<string, string>> = {
  origins: `pass { origins: ['https://app.example'] } to legacyServer or listen, and "cors" to Socket.IO`,
  'match origin protocol': `name the scheme in "origins": ['https://app.example']`,
  blacklist: 'leave it out; refuse events by the policy of createAuth().protect()',
  store: 'pass an adapter to Socket.IO: io.adapter(createAdapter(…))',
}

export interface LegacySettings {
  set(key: string, value: unknown): void
  get(key: string): unknown
}

/** `onAuthorization` receives a function, or null where authorization is switched off. */
export function createSettings(onAuthorization: (fn: unknown) => void): LegacySettings {
  const values = new Map<string, unknown>([['authorization', false]])
  return {
    /** @throws TypeError for a setting that protected something and cannot be kept, quoting it */
    set(key, value) {
      const instead = Object.hasOwn(REFUSED, key) ? REFUSED[key] : undefined
      if (instead !== undefined) throw new TypeError(`${LIBRARY}: "${key}" is not kept: ${instead}`)
      if (key === 'authorization') onAuthorization(value)
      values.set(key, value)
    },
    get: (key) => values.get(key),
  }
}
