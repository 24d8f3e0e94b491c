// @ts-check
/**
 * `npm run install-check`: packs what would be published, installs it into an empty project and uses it there as the README says: compiled,
 * started, connected to, required. Needs a build, and npm's registry or cache. Takes a minute; leaves nothing. Usage: check-install.mjs [root]
 */

import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readDependencies } from './install/dependencies.mjs'
import { runExample } from './install/example.mjs'
import { findContentViolations, packAll } from './install/packed.mjs'
import { installProject } from './install/project.mjs'
import { readExamples } from './install/readme.mjs'
import { compileAll } from './install/types.mjs'
import { conclude } from './outcome.mjs'
import { ROOT } from './workspace.mjs'

const run = promisify(execFile)

const LIMIT_MS = 8 * 60_000
/** `portcullis-gateway check` connects to nothing; the file wants to know where it would. */
const NOWHERE = { REDIS_URL: 'redis://127.0.0.1:1', DATABASE_URL: 'postgres://127.0.0.1:1/none' }

/**
 * @param {string} root
 * @returns {Promise<{ violations: string[]; summary: string }>}
 */
export async function checkInstall(root) {
  const examples = readExamples(root)
  const signal = AbortSignal.timeout(LIMIT_MS)
  const folder = mkdtempSync(join(tmpdir(), 'check-install-'))
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    const packed = await packAll(root, folder, signal)
    const project = join(folder, 'project')
    mkdirSync(project)
    const tarballs = packed.map(({ tarball }) => tarball)
    const { violations: heavy, names } = readDependencies(await installProject(root, project, tarballs, signal))
    writeFileSync(join(project, 'src', 'server.ts'), examples.server)
    writeFileSync(join(project, 'src', 'browser.ts'), examples.browser)
    const { violations: untyped, compiled } = await compileAll(project, signal)
    const violations = [
      ...packed.flatMap((each) => findContentViolations(each, [root, folder])),
      ...heavy,
      ...untyped,
      ...(await requireAll(project, examples.commonjs, signal)),
      ...(await checkGatewayFile(project, examples.gateway, signal)),
    ]
    const example = untyped.length > 0 ? null : await runExample(project, signal)
    violations.push(...(example?.violations ?? []))
    const summary = `${packed.length} tarballs install into an empty project under Node ${process.version}; the README's example compiles with ${compiled.length} settings and tells ${example?.told} visitors what it should; the library needs ${names.length} packages, which need none (${names.join(', ')})`
    return { violations, summary }
  } finally {
    remove()
    process.off('exit', remove)
  }
}

/** From CommonJS, in silence. @param {string} project @param {string} old the README's line @param {AbortSignal} signal */
async function requireAll(project, old, signal) {
  const program = `const { createAuth } = require('portcullis')\n${old}\nif (typeof createAuth !== 'function' || typeof authorize !== 'function') throw new Error('they are no functions')\n`
  writeFileSync(join(project, 'required.cjs'), program)
  return run(process.execPath, ['required.cjs'], { cwd: project, signal }).then(
    ({ stderr }) => (stderr === '' ? [] : [`require('portcullis') warns: ${stderr}`]),
    (error) => [`require('portcullis') fails: ${error.stderr || error.message}`],
  )
}

/** @param {string} project @param {string} file the README's @param {AbortSignal} signal */
async function checkGatewayFile(project, file, signal) {
  writeFileSync(join(project, 'portcullis.yaml'), file)
  const args = ['--no-install', 'portcullis-gateway', 'check', 'portcullis.yaml']
  return run('npx', args, { cwd: project, env: { ...process.env, ...NOWHERE }, signal }).then(
    ({ stdout }) => (stdout.includes('is valid') ? [] : [`portcullis-gateway check says: ${stdout}`]),
    (error) => [`portcullis-gateway check refuses the README's file: ${error.stdout}${error.stderr}`],
  )
}

if (process.argv[1] === import.meta.filename) {
  for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(name, () => process.exit(1))
  const { violations, summary } = await checkInstall(process.argv[2] ?? ROOT)
  conclude('check-install', violations, summary)
}
