// @ts-check
/** publint and attw over a packed package. */

import { readFileSync } from 'node:fs'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

/**
 * @param {string} installed
 * @param {import('../workspace.mjs').Manifest} manifest
 */
export async function runPublint(installed, manifest) {
  const { messages } = await publint({ pkgDir: installed, pack: false, strict: true, level: 'warning' })
  return messages.map(
    (message) => `${manifest.name}: publint: ${formatMessage(message, manifest, { color: false }) ?? message.code}`,
  )
}

/** An ESM-only package answers for these: `node10` knows no `exports`, and `require()` of ESM is not ours. */
const ANSWERED = new Set(['node16-esm', 'node16', 'bundler'])

/**
 * @param {string} tarball
 * @param {import('../workspace.mjs').Manifest} manifest
 */
export async function runAttw(tarball, manifest) {
  const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball)))
  if (result.types === false) return [`${manifest.name}: attw: it has no types`]
  const found = result.problems
    .filter((problem) => ANSWERED.has(resolutionOf(problem) ?? 'bundler'))
    .map((problem) => `${manifest.name}: attw: ${problem.kind} ${placeOf(problem)}`)
  return [...new Set(found)]
}

/** @param {import('@arethetypeswrong/core').Problem} problem */
function resolutionOf(problem) {
  if ('resolutionKind' in problem) return problem.resolutionKind
  return 'resolutionOption' in problem ? problem.resolutionOption : undefined
}

/** @param {import('@arethetypeswrong/core').Problem} problem */
function placeOf(problem) {
  if ('entrypoint' in problem) return `of "${problem.entrypoint}"`
  if ('moduleSpecifier' in problem) return `of '${problem.moduleSpecifier}' in ${problem.fileName}`
  return 'typesFileName' in problem ? `in ${problem.typesFileName}` : `in ${problem.fileName}`
}
