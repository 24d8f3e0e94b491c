// @ts-check
/** Runs the site in `site/` under PHP's own server. Stands for your web server. */

import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { hash } from 'bcryptjs'

/**
 * @param {{ port: number, prefix: string, env: Record<string, string> }} site `env` is what the pages are told
 * @returns the password of its one user, alice, when it answers; when it cannot, says so and ends the program
 */
export async function startPhpSite({ port, prefix, env }) {
  const modules = spawnSync('php', ['-m'], { encoding: 'utf8' }).stdout ?? ''
  if (!/^redis$/m.test(modules)) {
    console.error('No PHP with phpredis: install php-cli and php-redis (Debian), or php and its extension redis.')
    process.exit(1)
  }
  // In php.ini of a real site.
  const settings = {
    'session.save_handler': 'redis',
    'session.save_path': savePath(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379', prefix),
    // In the log, not in the page.
    display_errors: '0',
    'session.use_strict_mode': '1',
    'session.cookie_httponly': '1',
    'session.cookie_samesite': 'Lax',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-d', `${name}="${value}"`])
  const folder = fileURLToPath(new URL('site', import.meta.url))
  const password = randomBytes(9).toString('hex')
  const php = spawn('php', [...flags, '-S', `127.0.0.1:${port}`, '-t', folder], {
    env: { ...process.env, ...env, PASSWORD_HASH: await hash(password, 10) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      php.kill()
      process.exit(0)
    })
  }
  php.once('exit', () => {
    console.error(`PHP ended. Is port ${port} in use? Set PHP_PORT to another.`)
    process.exit(1)
  })
  let log = ''
  while (!log.includes('started')) log += String((await once(php.stderr, 'data'))[0])
  php.stderr.resume()
  return { password }
}

/**
 * The Redis of a URL as phpredis wants it.
 *
 * @param {string} url
 * @param {string} prefix
 */
function savePath(url, prefix) {
  const { hostname, port, username, password, pathname } = new URL(url)
  const query = new URLSearchParams({ prefix, database: pathname.slice(1) || '0' })
  if (password !== '') query.set('auth', decodeURIComponent(password))
  if (username !== '') query.set('auth[user]', decodeURIComponent(username))
  return `tcp://${hostname}:${port || 6379}?${query}`
}
