// @ts-check
/** What the client helper weighs in a browser. */

import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync } from 'node:zlib'
import { rolldown } from 'rolldown'
import { atMost } from '../table.mjs'

/** @returns {Promise<import('../table.mjs').Table>} */
export async function clientSize() {
  const client = await brotliBytes(fileURLToPath(import.meta.resolve('portcullis/client')))
  const socketIo = await brotliBytes(createRequire(import.meta.url).resolve('socket.io-client'))
  return {
    name: 'client-size',
    title: 'The client helper',
    method: 'Bundled with all it imports, minified, and compressed with brotli.',
    unit: 'bytes',
    digits: 0,
    compare: 'none',
    rows: [
      { variant: 'socket.io-client, for comparison', role: 'base', values: [socketIo] },
      { variant: 'portcullis/client', role: 'ours', values: [client], goal: atMost(3_000, 'bytes') },
    ],
  }
}

/** @param {string} entry */
async function brotliBytes(entry) {
  const bundle = await rolldown({ input: entry, platform: 'browser', tsconfig: false, onLog: () => {} })
  try {
    const { output } = await bundle.generate({ format: 'esm', minify: true })
    const code = output.flatMap((part) => (part.type === 'chunk' ? [part.code] : [])).join('\n')
    return brotliCompressSync(code).length
  } finally {
    await bundle.close()
  }
}
