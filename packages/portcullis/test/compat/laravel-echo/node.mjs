// @ts-check
/** A node as a process of its own, so that it can be killed: prints its port. Arguments: the application, the prefix, Redis. */

import { createServer } from 'node:http'
import { Redis } from 'ioredis'
import { laravelEcho } from 'portcullis/compat/laravel-echo'
import { Server } from 'socket.io'

const [authHost = '', keyPrefix = '', redisUrl = ''] = process.argv.slice(2)
const redis = new Redis(redisUrl)
const http = createServer()
const echo = laravelEcho(new Server(http), { authHost, keyPrefix, redis, heartbeatMs: 100 })
await echo.ready
http.listen(0, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (http.address())
  process.stdout.write(`${address.port}\n`)
})
// Nobody looks after it once its parent is gone.
process.stdin.on('end', () => process.exit()).resume()
