import { laravelEcho } from 'portcullis/compat/laravel-echo'
import { beforeAll, describe, expect, it } from 'vitest'
import { APP, checks } from './checks.ts'
import { CLIENTS, type Facade, listenOn, waitAtMost } from './site.ts'

/** Endpoints that do not look at who asks. */
let everybody = ''
let nobody = ''

beforeAll(async () => {
  const waitAsBefore = waitAtMost(700)
  const yes = await listenOn((_request, response) => {
    const member = { user_id: 1, user_info: { name: 'user 1' } }
    response.end(JSON.stringify({ channel_data: member }))
  })
  const no = await listenOn((_request, response) => {
    response.writeHead(401).end('{}')
  })
  everybody = yes.url
  nobody = no.url
  return async () => {
    waitAsBefore()
    await yes.close()
    await no.close()
  }
})

const MUTANTS: Record<string, { readonly facade: Facade; readonly caught: RegExp }> = {
  'admits everybody': {
    facade: (io, options) => laravelEcho(io, { ...options, authHost: everybody }),
    caught: /is not joined by whom the application refuses/,
  },
  'refuses everybody': {
    facade: (io, options) => laravelEcho(io, { ...options, authHost: nobody }),
    caught: /is joined by whom the application lets in/,
  },
  'never asks again': {
    facade: (io, options) => laravelEcho(io, { ...options, reauthorizeEveryMs: 86_400_000 }),
    caught: /who is refused later has to leave/,
  },
  'passes on every whisper': {
    facade(io, options) {
      io.on('connection', (socket) => {
        socket.on('client event', (said) => {
          if (typeof said?.event !== 'string') return
          socket.to(`laravel-echo#${said.channel}`).emit(said.event, said.channel, said.data)
        })
      })
      return laravelEcho(io, options)
    },
    caught: /a whisper of somebody|nobody whispers/,
  },
  'answers a whisper to who sent it': {
    facade(io, options) {
      io.on('connection', (socket) => {
        socket.on('client event', ({ event, channel, data }) => socket.emit(event, channel, data))
      })
      return laravelEcho(io, options)
    },
    caught: /and not who sent it/,
  },
  'puts the id of a socket into the list of members': {
    facade(io, options) {
      io.on('connection', (socket) => {
        const { emit } = socket
        socket.emit = (event: string, ...args: unknown[]) => {
          const told =
            event === 'presence:subscribed' && Array.isArray(args[1])
              ? [args[0], args[1].map((member) => ({ ...member, socketId: socket.id }))]
              : args
          return emit.call(socket, event, ...told)
        }
      })
      return laravelEcho(io, options)
    },
    caught: /never of a socket/,
  },
  'joins after all what was unsubscribed meanwhile': {
    facade(io, options) {
      const echo = laravelEcho(io, options)
      io.on('connection', (socket) => {
        socket.on('subscribe', (said) => {
          if (said?.channel === 'private-slow') socket.join('laravel-echo#private-slow')
        })
      })
      return echo
    },
    caught: /unsubscribing while the application is still asked wins/,
  },
  'lets every key use the API': {
    facade(io, options) {
      const echo = laravelEcho(io, options)
      return {
        ...echo,
        api(request, response, next) {
          request.headers.authorization = `Bearer ${APP.key}`
          echo.api(request, response, next)
        },
      }
    },
    caught: /the API refuses a wrong key/,
  },
}

describe('the checks refuse a server that', () => {
  const [newest] = CLIENTS
  it.each(Object.entries(MUTANTS))('%s', async (_name, { facade, caught }) => {
    const failed: string[] = []
    for (const { name, check } of checks(facade, newest?.[1] as never)) {
      // Only those that are to catch it: the others would wait for what never comes.
      if (!caught.test(name)) continue
      await check().catch(() => failed.push(name))
    }
    expect(failed.length).toBeGreaterThan(0)
  })
})
