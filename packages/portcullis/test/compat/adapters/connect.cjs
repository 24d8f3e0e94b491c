/** `connect` 2, of which old tests take the session store. */

const { MemoryStore } = require('express-session')

exports.session = { MemoryStore }
