/** Loaded before an old suite: the port that its fixtures have in common is a free one each time, so that suites may run at once. */

const { Server } = require('node:net')

const FIXED = 9000
const { listen } = Server.prototype

/** What the last server of this process listens on in place of the fixed port. */
let current = 0

Server.prototype.listen = function listenSomewhere(...args) {
  const [first, ...rest] = args
  const wantsFixed = Number(typeof first === 'object' && first !== null ? first.port : first) === FIXED
  if (!wantsFixed) return listen.apply(this, args)
  listen.call(this, 0, ...rest.filter((each) => typeof each === 'function'))
  // Without a host, Node.js binds before it returns.
  current = this.address().port
  return this
}

/** The same URL with the port that is meant. */
exports.mapped = (url) => String(url).replace(`:${FIXED}`, `:${current}`)
