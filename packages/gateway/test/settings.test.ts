import { describe, expect, it } from 'vitest'
import { defaultOrigins, readSettings } from '../src/demo/settings.ts'
import { StartError } from '../src/start-error.ts'

describe('settings', () => {
  it('have defaults that need nothing installed', () => {
    expect(readSettings({}, '/srv/gateway')).toEqual({
      port: 3000,
      controlPort: 3001,
      host: '127.0.0.1',
      dataDir: '/srv/gateway/data',
      databaseUrl: null,
      redisUrl: null,
      demo: true,
      origins: null,
      tokenLifetimeSeconds: 300,
      sessionLifetimeSeconds: 28_800,
    })
  })

  it('are read from the environment, where empty counts as not set', () => {
    const env = {
      PORT: '0',
      HOST: '::1',
      DATA_DIR: '/var/x',
      DATABASE_URL: ' ',
      ORIGINS: 'https://a.example, http://b.example:8080',
    }
    expect(readSettings(env, '/')).toMatchObject({
      port: 0,
      host: '::1',
      dataDir: '/var/x',
      databaseUrl: null,
      origins: ['https://a.example', 'http://b.example:8080'],
    })
  })

  it('put no demo into a database of one’s own unless asked to', () => {
    const own = { DATABASE_URL: 'postgres://db.example/app' }
    expect(readSettings(own, '/').demo).toBe(false)
    expect(readSettings({ ...own, DEMO: '1' }, '/').demo).toBe(true)
    expect(readSettings({ DEMO: '0' }, '/').demo).toBe(false)
  })

  it.each([
    ['PORT', '80a'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '1.5'],
    ['PORT', '0x50'],
    ['HOST', 'two words'],
    ['DATABASE_URL', 'mysql://user:hunter2@db/app'],
    ['DATABASE_URL', 'hunter2'],
    ['REDIS_URL', 'http://:hunter2@redis'],
    ['DEMO', 'yes'],
    ['ORIGINS', '*'],
    ['ORIGINS', 'https://a.example/'],
    ['ORIGINS', 'https://a.example,'],
    ['ORIGINS', 'null'],
    ['TOKEN_LIFETIME_SECONDS', '0'],
    ['SESSION_LIFETIME_SECONDS', '1e9'],
  ])('refuse %s=%s in one line that does not quote it', (name, value) => {
    const read = () => readSettings({ [name]: value }, '/')
    expect(read).toThrow(StartError)
    expect(read).toThrow(new RegExp(`^${name} must [^\\n]+$`))
    expect(read).not.toThrow(/hunter2/)
  })

  it('take the URL of a PostgreSQL that listens on a socket', () => {
    const DATABASE_URL = 'postgres://user:password@/news?host=%2Frun%2Fpostgresql'
    expect(readSettings({ DATABASE_URL }, '/').databaseUrl).toBe(DATABASE_URL)
  })

  it('name every mistake, each on its line', () => {
    expect(() => readSettings({ PORT: 'x', DEMO: 'x' }, '/')).toThrow(/^PORT must [^\n]+\nDEMO must [^\n]+$/)
  })
})

describe('the default origins', () => {
  it.each([
    ['127.0.0.1', 3000, ['http://127.0.0.1:3000', 'http://localhost:3000']],
    ['localhost', 80, ['http://localhost']],
    ['::1', 3000, ['http://[::1]:3000', 'http://localhost:3000']],
    ['0.0.0.0', 3000, ['http://0.0.0.0:3000', 'http://localhost:3000', 'http://127.0.0.1:3000']],
  ])('of %s and %i are what a browser sends', (host, port, origins) => {
    expect(defaultOrigins(host, port)).toEqual(origins)
  })
})
