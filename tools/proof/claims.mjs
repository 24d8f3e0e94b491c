// @ts-check
/**
 * What the READMEs claim, and what shows it. Each sentence, item and row of README.md is a claim or a signpost, and so is each sentence of the
 * first paragraph of the packages' READMEs. `says` is a part of one of them that no other has.
 */

import { CREDENTIALS } from './claims/credentials.mjs'
import { GATEWAY } from './claims/gateway.mjs'
import { PACKAGES } from './claims/packages.mjs'
import { REFUSALS } from './claims/refusals.mjs'
import { TIME } from './claims/time-and-cost.mjs'

/** In the order of the page. @type {readonly import('./claim.mjs').Claim[]} */
export const CLAIMS = [...REFUSALS, ...CREDENTIALS, ...TIME, ...GATEWAY, ...PACKAGES]

/** Sentences that claim nothing of what the code does, but lead somewhere. */
export const SIGNPOSTS = [
  'Or, in a second terminal, with the password of alice',
  'and a Socket.IO client, in the same terminal',
  'docs/revocation.md, docs/memberships.md, docs/logout.md',
  'Server CPU in proportion to bare Socket.IO',
  'is what people write in io.use',
  'What this page claims, by which command',
  "The demo's own settings are environment variables",
  'Licence: MIT',
  'How the code is laid out',
]
