// @ts-check
/** What README.md says in “Authority over time” and “Cost”. */

import { CHAOS, claim, library, run, SIMULATE, tests } from '../claim.mjs'
import { benchTable, faultRows } from '../figures.mjs'

export const TIME = [
  claim(
    'refresh',
    'A client is told before its lease ends',
    tests(
      library('server/lease-expiry', 'R01: comes 20 to 31 s before the end'),
      library('server/refresh', 'R06: extends the lease of the same socket'),
      library('client/portcullis-server', 'R01: by the clock on the wall'),
    ),
  ),
  claim(
    'revalidation',
    'are looked at again every 30 s',
    tests(
      library('strategies/php-session-revalidate', 'every 30 seconds, or never'),
      library('server/revalidation-round-trips'),
      library('server/revalidation-stores'),
    ),
  ),
  claim(
    'receipt',
    'resolves when every node has closed the sockets concerned',
    tests(
      library('server/nodes', 'R13: a revocation on one closes the sockets of the other', 'R14, F9, M2'),
      library('revocations/contract'),
    ),
    run('simulate', SIMULATE, {
      known: 'seed 727: after a failover a receipt came 9 ms before the last delivery; it is open',
    }),
    run('chaos', CHAOS),
    run('bench', benchTable(/Ending a subject on another node|The receipt when one of three/i, /./)),
  ),
  claim(
    'suspends',
    'A node that cannot read the log for 5 s',
    tests(
      library('decision/bounds', 'durations of leases and of nodes'),
      library('server/nodes', 'one that is cut off suspends by itself'),
    ),
    run('faults', faultRows('F9'), { known: 'the node of the test did not mind the promise of the adapter then' }),
  ),
  claim(
    'recovery',
    'connectionStateRecovery works',
    tests(library('server/recovery'), library('server/recovery-many')),
    run('faults', faultRows('F11')),
  ),
  claim(
    'memberships',
    'are left when a row is deleted',
    tests(
      library('memberships/postgres', 'R22: deleted, leave the room'),
      library('memberships/postgres-latency'),
      library('logout/request', 'ends the sockets of the session with AUTH_REVOKED'),
      library('logout/session-store'),
    ),
  ),
  claim(
    'cost-jwt',
    'handshake by WebSocket, JWT HS256 not seen before',
    run('bench', benchTable(/Handshake by WebSocket, JWT HS256 not seen/i), { quotes: true }),
  ),
  claim(
    'cost-session',
    'handshake by WebSocket, Express session',
    run('bench', benchTable(/Handshake by WebSocket, Express session/i), { quotes: true }),
  ),
  claim(
    'cost-event',
    'event with a synchronous rule, over TCP',
    run('bench', benchTable(/Event with a synchronous rule, over TCP/i), { quotes: true }),
  ),
  claim(
    'cost-event-in-process',
    'event with a synchronous rule, in process',
    run('bench', benchTable(/Event with a synchronous rule, in process/i), { quotes: true }),
  ),
  claim(
    'cost-memory',
    'heap of an idle connection with a JWT',
    run('bench', benchTable(/Memory per idle connection with a JWT/i), { quotes: true }),
  ),
]
