// @ts-check
/** The commands that prove something: npm scripts, and where what they say can be read afterwards. */

/**
 * @typedef {object} Command
 * @property {string} script of package.json
 * @property {readonly string[]} [args]
 * @property {string} [file] that it writes, from the root; otherwise what it prints counts
 * @property {string} takes
 */

/** @satisfies {Record<string, Command>} */
const COMMANDS = {
  attacks: { script: 'attacks', takes: '5 s' },
  'install-check': { script: 'install-check', takes: '2 min' },
  sizes: { script: 'sizes', takes: '5 s' },
  bundles: { script: 'bundles', takes: '5 s' },
  exports: { script: 'exports', takes: '1 min' },
  snippets: { script: 'snippets', takes: '30 s' },
  sbom: { script: 'sbom', takes: '20 s' },
  docs: { script: 'docs', takes: '2 min' },
  coverage: { script: 'coverage', takes: '1 min' },
  simulate: { script: 'simulate', takes: '5 min' },
  chaos: { script: 'chaos', takes: '20 min' },
  load: { script: 'load', args: ['--clients', '5000', '--kill'], takes: '3 min' },
  fuzz: { script: 'fuzz', args: ['--seconds', '60'], takes: '1 min' },
  soak: { script: 'soak', takes: '15 min' },
  faults: { script: 'faults', args: ['--write'], file: 'docs/faults.md', takes: '25 min' },
  bench: { script: 'bench', args: ['--write'], file: 'bench/RESULTS.md', takes: '40 min' },
  mutation: { script: 'mutation', file: 'reports/mutation.json', takes: '1 h' },
}

/** @typedef {keyof typeof COMMANDS} CommandName */

export const TESTS = 'tests'

/** @param {string} name @returns {Command} @throws TypeError for none */
export function commandOf(name) {
  const found = /** @type {Record<string, Command>} */ (COMMANDS)[name]
  if (found === undefined)
    throw new TypeError(`no command is called ${name}; there are ${Object.keys(COMMANDS).join(', ')}`)
  return found
}

/** As one types it. @param {Command} command */
export function typed({ script, args = [] }) {
  return `npm run ${script}${args.length > 0 ? ` -- ${args.join(' ')}` : ''}`
}
