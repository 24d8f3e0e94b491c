// @ts-check
/** `npm run bundles`: what the client weighs and what the entry brings along. Needs a build. Usage: check-bundles.mjs [root] */

import { existsSync } from 'node:fs'
import { join, relative } from 'node:path'
import { readDirectImports, readGraph } from './bundles/graph.mjs'
import {
  CLIENT_LIMIT_BYTES,
  findClientViolations,
  findLegacyClientViolations,
  findServerViolations,
  findUndeclared,
  LEGACY_CLIENT_LIMIT_BYTES,
} from './bundles/limits.mjs'
import { conclude } from './outcome.mjs'
import { ROOT, readManifest } from './workspace.mjs'

/**
 * @param {string} root
 * @returns {Promise<{ violations: string[]; sizes: string[]; summary: string }>}
 */
export async function checkBundles(root) {
  const folder = join(root, 'packages', 'portcullis')
  const clientEntry = join(folder, 'dist', 'client', 'index.js')
  const serverEntry = join(folder, 'dist', 'index.js')
  const legacyClientEntry = join(folder, 'dist', 'compat', 'socketio-0.9-client.js')
  const missing = [clientEntry, serverEntry].filter((entry) => !existsSync(entry))
  if (missing.length > 0) {
    const violations = missing.map((entry) => `${relative(root, entry)} does not exist; is it built?`)
    return { violations, sizes: [], summary: '' }
  }
  const client = await readGraph(clientEntry, folder, 'browser')
  // A copy of the package without old APIs is sound too.
  const legacyClient = existsSync(legacyClientEntry) ? await readGraph(legacyClientEntry, folder, 'browser') : null
  const server = await readGraph(serverEntry, folder, 'node')
  const direct = readDirectImports(serverEntry)
  const packages = server.modules.filter((name) => !name.startsWith('dist/'))
  return {
    violations: [
      ...findClientViolations(client),
      ...(legacyClient === null ? [] : findLegacyClientViolations(legacyClient)),
      ...findServerViolations(server),
      ...findUndeclared(direct, readManifest(folder)),
    ],
    sizes: [
      `portcullis/client  ${client.brotliBytes} bytes with brotli of ${CLIENT_LIMIT_BYTES}, ${client.modules.length} modules`,
      ...(legacyClient === null
        ? []
        : [
            `portcullis/compat/socketio-0.9-client  ${legacyClient.brotliBytes} bytes with brotli of ${LEGACY_CLIENT_LIMIT_BYTES}`,
          ]),
      `portcullis         ${server.brotliBytes} bytes with its packages, ${server.modules.length - packages.length} modules and ${packages.join(', ') || 'no package'}`,
    ],
    summary: 'the client holds nothing of the server; the entry nothing that is optional or undeclared',
  }
}

if (process.argv[1] === import.meta.filename) {
  const { violations, sizes, summary } = await checkBundles(process.argv[2] ?? ROOT)
  for (const size of sizes) console.log(size)
  conclude('check-bundles', violations, summary)
}
