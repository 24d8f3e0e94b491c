// @ts-check
/** The rules for packages/portcullis/src: one row of the table for each room. */

import { dirname, posix } from 'node:path'
import { ENTRIES, isShared, NOBODY_IMPORTS, ownerOf, ROOMS } from './table.mjs'

/** @typedef {import('./table.mjs').Room} Room */
/** @typedef {import('./syntax.mjs').Syntax} Syntax */
/** @typedef {import('./violations.mjs').Finding} Finding */

export const LIBRARY = 'packages/portcullis/src/'

/**
 * @param {string} path within the library
 * @param {Syntax} syntax
 * @param {readonly string[]} paths every file of the repository
 * @returns {Finding[]}
 */
export function findRoomViolations(path, syntax, paths) {
  const name = roomOf(path)
  const room = /** @type {Record<string, Room>} */ (ROOMS)[name]
  if (room === undefined && !ENTRIES.includes(name)) {
    return [
      {
        line: 1,
        what: `"${name}" is no room of the house`,
        why: 'add a row to DESIGN.md and to tools/layers/table.mjs',
      },
    ]
  }
  const imports = syntax.imports.flatMap((each) => {
    const refusal = each.specifier.startsWith('.')
      ? refuseRoom(path, name, room, each, paths)
      : refusePackage(room, each)
    return refusal === null ? [] : [{ line: each.line, ...refusal }]
  })
  const globals = syntax.identifiers.flatMap(({ name: global, line }) => {
    const why = room?.globals?.[global]
    return why === undefined ? [] : [{ line, what: `names the global ${global}`, why }]
  })
  return [...imports, ...globals]
}

/**
 * @param {string} path
 * @param {string} from
 * @param {Room | undefined} room undefined for an entry
 * @param {import('./syntax.mjs').Import} each
 * @param {readonly string[]} paths
 */
function refuseRoom(path, from, room, { specifier, extent }, paths) {
  const target = posix.join(dirname(path), specifier)
  const to = roomOf(target)
  if (to === from) return room?.oneFileOneSubpath ? refuseSibling(path, from, target, specifier, paths) : null
  const nobody = /** @type {Record<string, string>} */ (NOBODY_IMPORTS)[to]
  if (nobody !== undefined) return { what: `imports ${specifier}`, why: nobody }
  if (room === undefined) return null
  const allowed = room.rooms[to]
  if (allowed === 'value' || allowed === extent) return null
  const how = allowed === 'types' ? 'a value from ' : ''
  return { what: `${from} imports ${how}${to} (${specifier})`, why: room.whyNot?.[to] ?? room.why }
}

/**
 * @param {string} path
 * @param {string} room
 * @param {string} target
 * @param {string} specifier
 * @param {readonly string[]} paths
 */
function refuseSibling(path, room, target, specifier, paths) {
  const folder = `${LIBRARY}${room}/`
  const siblings = new Set(paths.filter((each) => each.startsWith(folder)).map(baseName))
  const [from, to] = [baseName(path), baseName(target)]
  if (isShared(room, to)) return null
  if (!isShared(room, from) && ownerOf(room, from, siblings) === ownerOf(room, to, siblings)) return null
  return {
    what: `${from} imports ${specifier}, which belongs to ${ownerOf(room, to, siblings)}`,
    why: `files of ${room} never import one another, so that each subpath brings only itself`,
  }
}

/**
 * @param {Room | undefined} room
 * @param {import('./syntax.mjs').Import} each
 */
function refusePackage(room, { specifier, extent }) {
  if (room === undefined) return null
  if (specifier.startsWith('node:')) return room.node ? null : { what: `imports ${specifier}`, why: room.why }
  if (room.packages === 'any') return null
  const name = packageOf(specifier)
  const allowed = room.packages[name]
  if (allowed === 'value' || allowed === extent) return null
  const how = allowed === 'types' ? 'a value from ' : ''
  return { what: `imports ${how}${specifier}`, why: room.whyNot?.[name] ?? room.why }
}

/** `@scope/name/sub` -> `@scope/name`. @param {string} specifier */
function packageOf(specifier) {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
}

/** @param {string} path */
function roomOf(path) {
  return path.slice(LIBRARY.length).split('/')[0]?.replace(/\.ts$/, '') ?? ''
}

/** @param {string} path */
function baseName(path) {
  return posix.basename(path).replace(/\.ts$/, '')
}
