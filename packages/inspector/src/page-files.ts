/** The page's own files, read once. They hold no data, and are given to anybody. */

import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { InspectorRequest } from './http.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

interface PageFile {
  readonly bytes: Buffer
  readonly packed: Buffer
  readonly type: string
  readonly etag: string
}

/** The files by their path below the page. */
export interface PageFiles {
  has(path: string): boolean
  /** Nothing where there is no file of that name. */
  send(req: InspectorRequest, res: ServerResponse, path: string): void
}

/** From the sources, the page is where the last build left it. */
const FOLDER = import.meta.url.endsWith('.ts') ? '../dist/page/' : './page/'

export function readPageFiles(folder = fileURLToPath(new URL(FOLDER, import.meta.url))): PageFiles {
  const files = new Map(
    listFiles(folder).map((path) => {
      const bytes = readFileSync(join(folder, path))
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`
      const type = TYPES[extname(path)] ?? 'application/octet-stream'
      return [path.replaceAll('\\', '/'), { bytes, packed: gzipSync(bytes), type, etag } satisfies PageFile]
    }),
  )
  const fileAt = (path: string) => files.get(path === '' ? 'index.html' : path)
  return {
    has: (path) => fileAt(path) !== undefined,
    send(req, res, path) {
      const file = fileAt(path)
      if (file === undefined) return
      // The name of what Vite made holds a digest of its content.
      const lasting = path.startsWith('assets/')
      res.setHeader('Cache-Control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache')
      res.setHeader('ETag', file.etag)
      res.setHeader('Vary', 'Accept-Encoding')
      if (req.headers['if-none-match'] === file.etag) {
        res.statusCode = 304
        res.end()
        return
      }
      const packs = /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? ''))
      if (packs) res.setHeader('Content-Encoding', 'gzip')
      const body = packs ? file.packed : file.bytes
      res.setHeader('Content-Type', file.type)
      res.setHeader('Content-Length', body.length)
      res.end(req.method === 'HEAD' ? undefined : body)
    },
  }
}

function listFiles(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length))
}
