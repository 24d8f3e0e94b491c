// @ts-check
/** What README.md says of the gateway. */

import { claim, gateway, INSTALL, inspector, library, run, tests } from '../claim.mjs'
import { report } from '../figures.mjs'

export const GATEWAY = [
  claim(
    'one-file',
    'a Socket.IO server that is told by one file what it may do',
    tests(['examples/test/php-organization.test.ts']),
    tests(gateway('config')),
  ),
  claim('no-node', 'No line of Node is written', tests(['examples/test/php-organization.test.ts'])),
  claim(
    'check',
    'portcullis-gateway check FILE says who may do what',
    tests(gateway('cli', 'check'), gateway('config')),
    run('install-check', INSTALL),
  ),
  claim(
    'conditions',
    'Conditions are CEL expressions',
    tests(gateway('conditions'), gateway('config', 'says who may do what'), library('hooks/http-php')),
  ),
  claim(
    'from-php',
    'PHP publishes through Redis or a control API',
    tests(
      gateway('emitters', 'the forms that emitters write'),
      gateway('control-nodes', 'a script in PHP publishes once'),
      gateway('presence-redis'),
      gateway('open-gateway', 'two nodes on one Redis share'),
    ),
    run(
      'load',
      report(({ clients, backAfterMs, admittedWrongly, allBack }) => ({
        figure: `${clients} clients, one of two nodes killed: all back after ${backAfterMs} ms, ${admittedWrongly} wrongly admitted`,
        holds: allBack && admittedWrongly === 0,
      })),
    ),
  ),
  claim(
    'demo-file',
    'The demo of npm start is such a file',
    tests(gateway('cli', 'what is deployed'), gateway('sockets')),
  ),
  claim('deploy', 'the file, conditions, operation, files to deploy it', tests(gateway('cli', 'what is deployed'))),
  claim('php-site', 'a whole PHP site', tests(['examples/test/php-organization.test.ts'])),
  claim('hooks', 'asking an HTTP backend', tests(library('hooks/http-server'), library('hooks/http-php'))),
  claim(
    'control',
    'publishing, revoking, asking, from any language',
    tests(gateway('control'), gateway('control-nodes')),
  ),
  claim('presence', 'who is in a room | docs/presence.md', tests(gateway('presence'), gateway('presence-redis'))),
  claim('explain', 'why was this denied', tests(library('server/explain'), library('server/shadow'))),
  claim(
    'inspector',
    'the page that shows it',
    tests(inspector('page'), gateway('open-gateway', 'has the inspector on the control port')),
  ),
  claim(
    'library-too',
    'are functions of the library too',
    tests(
      library('server/explain'),
      library('server/decision-log'),
      library('server/shadow'),
      library('server/reload'),
      library('server/drain'),
    ),
  ),
]
