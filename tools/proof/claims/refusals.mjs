// @ts-check
/** What README.md says above and in “Refused by default”. */

import { ATTACKS, claim, gateway, INSTALL, library, run, tests } from '../claim.mjs'
import { faultRows, line } from '../figures.mjs'

export const REFUSALS = [
  claim(
    'decides',
    'Decides who may connect to a Socket.IO 4 server',
    run('install-check', INSTALL),
    tests(library('server/connect-gate'), library('server/room-gate'), library('server/event-gate')),
  ),
  claim('once', 'Socket.IO checks a connection once', tests(library('socket-io/differences'))),
  claim(
    'lease',
    'authority is a lease: it expires',
    tests(
      library('server/lease-expiry', 'R01: comes with its second'),
      library('server/authority-ends', 'closes every socket of the subject'),
      library('server/namespaces', 'refuses the default namespace, one made before'),
    ),
  ),
  claim(
    'start',
    'starts a gateway with a demo',
    tests(gateway('start', 'prints where it is and who can log in'), gateway('embedded-postgres')),
  ),
  claim('nothing-else', 'Nothing else has to be installed', tests(gateway('start', 'the gateway as a process'))),
  claim(
    'demo-page',
    'watch a connection being admitted, refused',
    tests(gateway('page'), gateway('open-gateway', 'has the inspector on the control port')),
  ),
  claim(
    'own-services',
    'The tests need Redis and PostgreSQL, which they find or start themselves',
    tests(['test/services.test.ts']),
  ),
  claim('docs', 'builds the documentation, which begins at', run('docs', line(/^docs: (.*)/, '$1'))),
  claim(
    'typed',
    'does not compile while an event has no rule',
    tests(['packages/portcullis/test/types.test-d.ts', 'a missing event rule', 'a boolean decision']),
  ),
  claim(
    'client',
    'asks for a credential at every connection attempt',
    tests(
      library('client/credential', 'asks anew at each connection'),
      library('client/lease-refresh', 'R06: a refresh keeps the connection'),
      library('client/refusals'),
    ),
  ),
  claim(
    'any-language',
    'Clients in any language need nothing but Socket.IO',
    tests(library('protocol/python3-socketio'), library('protocol/socket-io-client')),
  ),
  claim(
    'closed-namespaces',
    'a namespace without a policy, whenever',
    tests(library('server/namespaces', 'refuses the default namespace, one made before')),
  ),
  claim(
    'closed-events',
    'an event or a room without a rule',
    tests(
      library('server/event-gate', 'A01: refuses an event that has no rule', 'tells of a refused event without'),
      library('server/room-gate', 'refuses the room of another organization'),
    ),
  ),
  claim('origin', 'a page whose Origin is not listed', tests(library('server/door', 'origin'))),
  claim(
    'ambient',
    'a cookie on a request that does not show',
    tests(library('server/door', 'origin'), library('decision/origin')),
  ),
  claim(
    'no-fallthrough',
    'a bad credential: no other strategy is asked',
    tests(
      library('server/connect-gate', 'never lets a bad credential fall through', 'refuses a bad credential with'),
      library('server/door', 'fact 7: refuses a bad bearer token'),
    ),
  ),
  claim(
    'query',
    'a token in the query',
    tests(
      library('server/leaks', 'Q01: is not read unless'),
      library('strategies/jwt', 'reads no cookie and no query unless told to'),
    ),
  ),
  claim(
    'nothing-shown',
    'a socket that connects with nothing',
    tests(
      library('server/connect-gate', 'refuses a connect without a credential'),
      library('server/deferral', 'is closed at the deadline with AUTH_CREDENTIAL_MISSING'),
    ),
  ),
  claim(
    'unadmitted',
    'a connection that no namespace has admitted after 10 s',
    tests(
      library('decision/bounds', 'are what the documentation says'),
      library(
        'server/connect-gate',
        'closes a connection that no namespace admits',
        'closes a connection after five failures',
      ),
      library('threats/dos-handshakes', 'D07'),
    ),
  ),
  claim(
    'throttle',
    'more than 600 handshakes',
    tests(
      library('decision/bounds', 'are what the documentation says', 'lets so many handshakes of an address'),
      library('threats/dos-handshakes', 'are answered 429 after 60 failures'),
    ),
  ),
  claim(
    'floods',
    'more than 1,000 events or 10 joins of one socket',
    tests(library('threats/dos-events', 'D08', 'D11')),
  ),
  claim(
    'undecided',
    'a rule, strategy or store that throws',
    tests(
      library('core/decide'),
      library('server/connect-gate', 'answers AUTH_UNAVAILABLE when a strategy does not answer'),
      library('server/event-gate', 'D13, A27'),
      library('strategies/session-store'),
    ),
    run('faults', faultRows('F3', 'F4', 'F5', 'F6')),
  ),
  claim(
    'start-up',
    'WebTransport',
    tests(library('server/door', 'O12: a server with WebTransport is refused at start-up')),
  ),
  claim(
    'skip-middlewares',
    'skipMiddlewares',
    tests(library('server/namespaces', 'with connectionStateRecovery no middleware is skipped')),
  ),
  claim('codes', 'Every code, with its HTTP status', tests(library('core/errors'))),
  claim('defends', 'What it defends against, and what not', run('attacks', ATTACKS)),
  claim(
    'stays',
    'What stays of Socket.IO and what differs',
    tests(library('socket-io/differences'), library('socket-io/in-memory')),
  ),
  claim(
    'proxies',
    'Behind a proxy set trustedProxies',
    tests(
      library('server/door', 'Z08: believes X-Forwarded-For'),
      library('decision/origin', 'the address of a client'),
    ),
  ),
]
