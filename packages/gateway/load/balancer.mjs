// @ts-check
/** One port for two gateways: nginx with the configuration that we ship, or a small stand-in where nginx is not installed. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { endWithUs } from './child.mjs'

const SHIPPED = new URL('../deploy/nginx.conf', import.meta.url)

/**
 * @typedef {object} Balancer
 * @property {'nginx' | 'stand-in'} kind
 * @property {number} port
 * @property {() => Promise<void>} stop
 */

/** @returns {string | null} nginx's version; null where it is not installed */
export function nginxVersion() {
  const { stderr, error } = spawnSync('nginx', ['-v'], { encoding: 'utf8' })
  return error === undefined ? (/nginx\/([\d.]+)/.exec(stderr)?.[1] ?? null) : null
}

/** @param {string} folder @param {readonly number[]} ports of the gateways @returns {Promise<Balancer>} */
export async function startNginx(folder, ports) {
  const home = join(folder, 'nginx')
  await mkdir(home)
  // Its workers are another user when it is started by root.
  await Promise.all([folder, home].map((each) => chmod(each, 0o755)))
  const port = await freePort()
  const file = join(home, 'nginx.conf')
  await writeFile(file, nginxConfiguration(await readFile(SHIPPED, 'utf8'), home, port, ports))
  const child = spawn(
    'nginx',
    ['-p', home, '-c', file, '-g', `daemon off; pid ${home}/pid; error_log ${home}/error.log error;`],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  endWithUs(child, 'SIGTERM')
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text
  })
  const ended = once(child, 'exit')
  while (!(await answers(port))) {
    if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    kind: 'nginx',
    port,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM')
      await ended
    },
  }
}

/**
 * What stands in the shipped file, with other names and ports.
 *
 * @param {string} text @param {string} home @param {number} port @param {readonly number[]} ports
 */
export function nginxConfiguration(text, home, port, ports) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${home}/${name};`,
  )
  return ports
    .reduce((so, gateway, index) => so.replace(`gateway-${index + 1}:3000`, `127.0.0.1:${gateway}`), text)
    .replace('listen 8080;', `listen 127.0.0.1:${port};`)
    .replace('http {', `http {\n  access_log off;\n  ${temporary.join(' ')}`)
}

/** By turns, and the other one when the first does not take it. WebSocket only. @param {readonly number[]} ports @returns {Promise<Balancer>} */
export async function startStandIn(ports) {
  let turn = 0
  const server = createServer((_request, response) => response.writeHead(404).end())
  server.on('upgrade', (incoming, client) => {
    client.on('error', () => client.destroy())
    turn += 1
    const order = [...ports.slice(turn % ports.length), ...ports.slice(0, turn % ports.length)]
    const headers = { ...incoming.headers, 'x-forwarded-for': incoming.socket.remoteAddress ?? '' }
    const tryNext = () => {
      const port = order.shift()
      if (port === undefined) return void client.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n')
      const outgoing = request({ host: '127.0.0.1', port, path: incoming.url, headers })
      outgoing.on('error', tryNext)
      outgoing.on('response', (response) => {
        response.resume()
        if (response.statusCode === 503) tryNext()
        else client.end(`${headOf(response)}\r\n\r\n`)
      })
      outgoing.on('upgrade', (response, upstream, first) => {
        outgoing.off('error', tryNext)
        client.write(`${headOf(response)}\r\n\r\n`)
        if (first.length > 0) client.write(first)
        upstream.on('error', () => client.destroy())
        upstream.pipe(client).pipe(upstream)
        client.on('close', () => upstream.destroy())
        upstream.on('close', () => client.destroy())
      })
      outgoing.end()
    }
    tryNext()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    kind: 'stand-in',
    port: /** @type {import('node:net').AddressInfo} */ (server.address()).port,
    async stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** @param {import('node:http').IncomingMessage} response */
function headOf({ statusCode, statusMessage, rawHeaders }) {
  const lines = Array.from(
    { length: rawHeaders.length / 2 },
    (_, i) => `${rawHeaders[2 * i]}: ${rawHeaders[2 * i + 1]}`,
  )
  return [`HTTP/1.1 ${statusCode} ${statusMessage}`, ...lines].join('\r\n')
}

async function freePort() {
  const server = createTcpServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
  server.close()
  await once(server, 'close')
  return port
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
