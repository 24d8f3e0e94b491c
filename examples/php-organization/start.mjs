// @ts-check
/** Starts the PHP site and the gateway as they stand, on free ports. The site itself needs none of this. */

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { openDatabase, openRedis } from './database.mjs'
import { endAll, portOf, run, untilReady } from './programs.mjs'

const here = import.meta.dirname
const NEEDED = ['curl', 'msgpack', 'pdo_pgsql', 'redis']

const modules = (spawnSync('php', ['-m'], { encoding: 'utf8' }).stdout ?? '').toLowerCase().split('\n')
const missing = NEEDED.filter((name) => !modules.includes(name))
if (missing.length > 0) {
  await endAll(`PHP lacks ${missing.join(', ')}: install php-cli, php-redis, php-msgpack, php-pgsql and php-curl.`)
}

const [port, controlPort, sitePort] = [await portOf('PORT'), await portOf('CONTROL_PORT'), await portOf('PHP_PORT')]
const local = { site: `http://127.0.0.1:${sitePort}`, gateway: `http://127.0.0.1:${port}` }
// What browsers are told, where a proxy of yours stands before the two.
const { SITE_URL: site = local.site, GATEWAY_URL: gateway = local.gateway } = process.env
const packageFolder = dirname(createRequire(import.meta.url).resolve('socket.io-client/package.json'))
const env = {
  ...process.env,
  ...(await openDatabase()),
  ...(await openRedis()),
  PORT: String(port),
  CONTROL_PORT: String(controlPort),
  SITE_URL: site,
  GATEWAY_URL: gateway,
  HOOK_URL: `${local.site}/hooks.php`,
  CONTROL_URL: `http://127.0.0.1:${controlPort}`,
  CONTROL_KEY: randomBytes(32).toString('hex'),
  HOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
  SOCKET_IO_CLIENT: join(packageFolder, 'dist', 'socket.io.esm.min.js'),
  DRAIN_MS: '200',
}

const made = spawnSync('php', [join(here, 'setup.php')], { env, encoding: 'utf8' })
if (made.status !== 0) await endAll(`setup.php: ${made.stderr || made.stdout}`)

const php = ['-d', 'display_errors=0', '-d', 'log_errors=1']
// PHP's own server tells of every request; only what went wrong is shown.
run('PHP', 'php', [...php, '-S', `127.0.0.1:${sitePort}`, '-t', join(here, 'site'), join(here, 'router.php')], {
  env,
  filter: /PHP (?!.*Development Server)/,
})
const bin = createRequire(import.meta.url)
  .resolve('portcullis-gateway/package.json')
  .replace('package.json', 'dist/bin.js')
run('The gateway', process.execPath, [bin, 'start', join(here, 'portcullis.yaml')], { env })
await Promise.all([untilReady(`${local.site}/login.php`), untilReady(`${local.gateway}/readyz`)])

console.log(`Open ${site} (PHP), which connects to ${gateway} (the gateway). Log in as

${made.stdout}
Two of them side by side need two browsers, or a private window. Ctrl+C ends it.`)
