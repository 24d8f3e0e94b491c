// @ts-check
/** The faults, which have goals in figures: see docs/faults.md. */

/** @type {import('./catalogue.mjs').Group} */
export const faults = {
  name: 'Faults',
  rows: [
    ['F1', 'H', 'Redis killed'],
    ['F2', 'H, X', 'Redis stopped for ten seconds'],
    ['F3', 'H, X', 'Redis up and down by the second'],
    ['F4', 'H', 'PostgreSQL killed, locked, or without a free connection'],
    ['F5', 'H', 'no published keys for half an hour'],
    ['F6', 'H', 'keys that are changed'],
    ['F7', 'H', 'a back end that hangs or fails'],
    ['F8', 'X', 'a revocation on three nodes, with ten thousand sockets'],
    ['F9', 'X', 'a revocation without Redis, or behind a partition'],
    ['F10', 'H, X', 'a revocation at every await of a handshake'],
    ['F11', 'N', 'coming back with less authority than before'],
    ['F12', 'H', 'tickets redeemed three times at once'],
    ['F13', 'all', 'thirteen callbacks that throw'],
    ['F14', 'N', 'a thousand connects on one connection'],
    ['F15', 'H', 'five thousand connections that never authenticate'],
    ['F16', 'N', 'ten thousand sockets that end in the same second'],
    ['F17', 'H', 'five thousand clients back at once'],
    ['F18', 'N', 'a clock that is set by an hour'],
    ['F19', 'all', 'a hundred thousand handshakes, half of them hostile'],
    ['F20', 'all', 'random and mutated input'],
    ['F21', 'E', 'what the guard itself costs'],
    ['F22', 'all', 'planted secrets in all that the tests bring about'],
  ],
}
