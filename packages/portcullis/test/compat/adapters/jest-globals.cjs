/** As much of Jest, over Mocha, as one old test file uses. */

const { deepStrictEqual, strictEqual } = require('node:assert/strict')

global.test = (name, body) => global.it(name, body)
global.expect = (value) => ({
  toBe: (expected) => strictEqual(value, expected),
  toEqual: (expected) => deepStrictEqual(value, expected),
  toHaveLength: (expected) => strictEqual(value.length, expected),
})
