// @ts-check
/** In place of https://id.example: a server that publishes its keys and hands out tokens. */

import { createServer } from 'node:http'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'

export const ISSUER = 'https://id.example'

/**
 * @typedef {object} Issuer
 * @property {string} origin
 * @property {(forged?: boolean) => Promise<string>} token of user-1 at acme; forged: signed by nobody's key
 * @property {() => Promise<void>} close
 *
 * @returns {Promise<Issuer>}
 */
export async function startIssuer() {
  const own = await generateKeyPair('ES256')
  const other = await generateKeyPair('ES256')
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(own.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] })
  /** @param {boolean} [forged] */
  const token = (forged = false) =>
    new SignJWT({ org: 'acme', scope: 'chat:write' })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(ISSUER)
      .setAudience('chat')
      .setSubject('user-1')
      .setIssuedAt()
      .setExpirationTime('5 minutes')
      .sign(forged ? other.privateKey : own.privateKey)
  const server = createServer(async ({ url, method }, response) => {
    if (url === '/.well-known/jwks.json') response.setHeader('content-type', 'application/json').end(jwks)
    else if (url === '/token' && method === 'POST') response.end(await token())
    else response.writeHead(404).end()
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on no port')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    token,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
