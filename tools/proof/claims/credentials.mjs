// @ts-check
/** What README.md says of credentials and of older libraries. */

import { claim, library, run, tests } from '../claim.mjs'
import { line } from '../figures.mjs'

export const CREDENTIALS = [
  claim(
    'express',
    'an Express session, with or without Passport',
    tests(library('docs/credentials', 'An Express session', 'Passport'), library('strategies/session-express')),
  ),
  claim(
    'php',
    'a PHP or Laravel session in Redis',
    tests(library('docs/credentials', 'A PHP session', 'A Laravel session'), library('strategies/php-session-site')),
  ),
  claim(
    'jwt',
    'JSON Web Tokens, signed with',
    tests(library('docs/credentials', 'JSON Web Tokens'), library('strategies/jwt-vectors')),
  ),
  claim(
    'opaque',
    'opaque OAuth tokens',
    tests(
      library('docs/credentials', 'OAuth tokens in PostgreSQL', 'Introspection'),
      library('strategies/introspection-provider'),
    ),
  ),
  claim(
    'keys',
    'API keys; user names and passwords',
    tests(library('docs/credentials', 'API keys', 'User names and passwords', 'One-time tickets')),
  ),
  claim(
    'proxy',
    'a proxy, or a back end in another language',
    tests(library('docs/credentials', 'A proxy that authenticates'), library('strategies/webhook-server')),
  ),
  claim('anonymous', 'visitors without any credential', tests(library('strategies/anonymous'))),
  claim(
    'pusher',
    "as Pusher's clients expect it",
    tests(library('channels/pusher-rooms'), library('channels/pusher-signature')),
  ),
  claim(
    'subpaths',
    'Each stands in a subpath of its own',
    tests(library('docs/credentials', 'gives a module of at most 20 lines')),
    run('exports', line(/^check-exports: (.*)/, '$1')),
  ),
  claim('examples', 'Whole programs, each started by one command', tests(['examples/test/run-example.test.ts'])),
  claim(
    'stand-ins',
    'each have a stand-in under portcullis/compat/',
    tests(
      library('compat/passport-socketio/passport-socketio'),
      library('compat/socketio-jwt/handshake'),
      library('compat/thream-socketio-jwt/thream-socketio-jwt'),
      library('compat/socketio-auth/socketio-auth'),
      library('compat/socketio-jwt-auth/socketio-jwt-auth'),
      library('compat/express-socket.io-session/express-socket.io-session'),
      library('compat/laravel-echo/laravel-echo'),
      library('compat/socketio-0.9/socketio-0.9'),
      library('compat/engine-io-3/protect'),
    ),
  ),
  claim(
    'old-suites',
    'The suites that came with the old packages pass',
    tests(
      library('compat/passport-socketio/original'),
      library('compat/socketio-jwt/original'),
      library('compat/socketio-auth/original'),
      library('compat/socketio-jwt-auth/original'),
      library('compat/express-socket.io-session/original'),
    ),
  ),
  claim(
    'migration',
    'Every option and behaviour, kept, closed or refused',
    run('snippets', line(/^check-snippets: (.*)/, '$1')),
  ),
]
