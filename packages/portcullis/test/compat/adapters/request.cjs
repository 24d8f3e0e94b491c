/** As much of `request` as old tests use: `post` and `get` with `form`, `json` and `jar`. No redirect is followed. */

const { stringify } = require('node:querystring')
const { mapped } = require('./fixed-port.cjs')

/** Cookies by name: there is only one site. */
class Jar {
  #cookies = new Map()

  get() {
    return [...this.#cookies].map(([name, value]) => ({ name, value }))
  }

  header() {
    return this.get()
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
  }

  keep(lines) {
    for (const line of lines) {
      const [pair] = line.split(';')
      const at = pair.indexOf('=')
      this.#cookies.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim())
    }
  }
}

async function send(method, { url, form, json, jar, headers = {} }) {
  const body = form !== undefined ? stringify(form) : typeof json === 'object' ? JSON.stringify(json) : undefined
  const type = form !== undefined ? 'application/x-www-form-urlencoded' : 'application/json'
  const cookie = jar?.header() ?? ''
  const response = await fetch(mapped(url), {
    method,
    redirect: 'manual',
    headers: {
      ...headers,
      ...(body === undefined ? {} : { 'content-type': type }),
      ...(cookie === '' ? {} : { cookie }),
    },
    body,
  })
  jar?.keep(response.headers.getSetCookie())
  const text = await response.text()
  const answer = { statusCode: response.status, headers: Object.fromEntries(response.headers) }
  return { answer, body: json === undefined ? text : parsed(text) }
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const method = (name) => (options, callback) => {
  send(name, typeof options === 'string' ? { url: options } : options).then(
    ({ answer, body }) => callback(null, answer, body),
    (error) => callback(error),
  )
}

module.exports = { post: method('POST'), get: method('GET'), jar: () => new Jar() }
