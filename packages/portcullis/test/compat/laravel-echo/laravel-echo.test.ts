import { laravelEcho } from 'portcullis/compat/laravel-echo'
import { describe, it } from 'vitest'
import { checks } from './checks.ts'
import { CLIENTS } from './site.ts'

describe.each(CLIENTS)('pages with socket.io-client %i', (_generation, connect) => {
  it.each(checks(laravelEcho, connect))('$name', ({ check }) => check())
})
