/** What was found by attacking the server from outside. */

import { expect, it } from 'vitest'
import { application, run, until } from './site.ts'

it.each([
  ['says nothing of the page', {}, 0],
  ['is on a sibling of the site', { 'sec-fetch-site': 'same-site' }, 0],
  ['is the site’s own', { 'sec-fetch-site': 'same-origin' }, 1],
])(
  'a page that loads the connection as a script (JSONP) uses no cookie of the visitor unless it is the site’s own: %s',
  async (_who, headers, questions) => {
    const app = await application()
    const { url } = await run(app)
    const path = `${url}/socket.io/?EIO=3&transport=polling&j=0`
    const all = { ...(headers as Record<string, string>), cookie: 'laravel_session=1' }
    const load = async (sid = '') => (await fetch(path + sid, { headers: all })).text()
    const sid = `&sid=${/sid\\":\\"([^\\]+)/.exec(await load())?.[1]}`
    const frame = '42["subscribe",{"channel":"private-orders.1"}]'
    await fetch(path + sid, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ d: `${frame.length}:${frame}` }).toString(),
    })
    if (questions > 0) await until(() => app.asked.length === questions)
    else await until(async () => (await load(sid)).includes('subscription_error'))
    expect(app.asked.length).toBe(questions)
  },
)
