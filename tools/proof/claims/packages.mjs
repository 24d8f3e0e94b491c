// @ts-check
/** What the packages' READMEs say first, and what the project promises without a sentence in any. */

import { ATTACKS, beyond, claimOf, gateway, INSTALL, inspector, library, run, tests } from '../claim.mjs'
import { line, mutationScore, report } from '../figures.mjs'

export const PACKAGES = [
  claimOf(
    'packages/portcullis/README.md',
    'package',
    'Decides who may connect to a Socket.IO 4 server',
    run('install-check', INSTALL),
  ),
  claimOf(
    'packages/gateway/README.md',
    'gateway-package',
    'A Socket.IO server that is told by one YAML file',
    run('install-check', INSTALL),
    tests(gateway('config')),
  ),
  claimOf('packages/gateway/README.md', 'guarded', 'Guarded by Portcullis', tests(gateway('sockets'))),
  claimOf(
    'packages/inspector/README.md',
    'inspector-package',
    'A web page that shows what Portcullis decides',
    tests(inspector('page'), inspector('api')),
  ),
  claimOf(
    'packages/inspector/README.md',
    'inspector-login',
    'Behind a log-in of its own',
    tests(inspector('access', 'who may look')),
  ),
  claimOf(
    'packages/inspector/README.md',
    'inspector-silent',
    'No credential and no claim reaches it',
    tests(inspector('api', 'sends no credential and no claim'), inspector('page', 'holds no credential and no claim')),
  ),
  beyond(
    'attacks',
    'Each attack and fault of the catalogue is played by a test that names it',
    run('attacks', ATTACKS),
  ),
  beyond(
    'fuzz',
    'Frames, tokens, cookies and headers at random: no crash, nobody wrongly admitted, nothing over 5 ms',
    run(
      'fuzz',
      report(({ inputs, seconds, slowestConfirmedMs, findings }) => ({
        figure: `${inputs} inputs in ${seconds} s: ${findings.length} findings, slowest ${slowestConfirmedMs} ms`,
        holds: findings.length === 0,
      })),
    ),
  ),
  beyond(
    'soak',
    '100,000 handshakes, half of them hostile, leave nothing behind',
    run(
      'soak',
      line(/^heap without code .*/, '$&', (_, text) => !/^not met:/m.test(text)),
      { known: 'caches still fill: over 200,000 it is +5.4 %, and no socket, request or timer is left' },
    ),
  ),
  beyond(
    'faults',
    'F1 to F22, against a real Redis and PostgreSQL',
    run(
      'faults',
      line(/^(\d+) of (\d+) met/, '$1 of $2 met', ([, met, all]) => met === all),
      { known: 'F9 ended a node of the test, which is mended; F16 took 51 ms of 50 on a busy machine' },
    ),
  ),
  beyond(
    'mutation',
    'Tests notice at least 90 % of the mutants of the code that decides',
    run('mutation', mutationScore()),
  ),
  beyond(
    'coverage',
    'Every branch of core/ is reached by its tests',
    run('coverage', line(/^check-coverage: (.*)/, '$1')),
  ),
  beyond(
    'adapters',
    "Socket.IO's documented behaviour under a guard that permits everything, on five adapters",
    tests(
      library('socket-io/in-memory'),
      library('socket-io/redis'),
      library('socket-io/redis-streams'),
      library('socket-io/postgres'),
      library('socket-io/cluster'),
    ),
  ),
  beyond(
    'planted',
    'Planted secrets are in nothing that is answered, logged or stored',
    tests(library('threats/leaks-planted'), ['test/secrets.test.ts']),
  ),
  beyond(
    'client-size',
    'The client for browsers weighs at most 3,000 bytes with brotli',
    run('bundles', line(/^portcullis\/client +(.*)/, '$1')),
  ),
  beyond('sizes', 'Each subpath is within its limit', run('sizes', line(/^check-sizes: (.*)/, '$1'))),
  beyond('install', 'What would be published works in an empty project', run('install-check', INSTALL)),
  beyond('sbom', 'Each package comes with a bill of materials', run('sbom', line(/^sbom: (.*)/, '$1'))),
]
