/** Secrets of the demo that follow from the one that is stored: an older `secrets.json` stays good. */

import { createHmac } from 'node:crypto'
import { hashPassword } from 'portcullis-inspector'
import type { Secrets } from './secrets.ts'

/** What the demo's configuration refers to. */
export interface DerivedSecrets {
  /** Signs what the gateway asks the backend. */
  readonly hook: string
  /** For the control API. */
  readonly control: string
  /** Signs the inspector's cookie. */
  readonly inspector: string
  /** Of the inspector's user `operator`; printed at start. */
  readonly inspectorPassword: string
  readonly inspectorPasswordHash: string
}

export async function deriveSecrets({ token }: Secrets): Promise<DerivedSecrets> {
  const derive = (purpose: string) =>
    createHmac('sha256', token).update(`portcullis demo ${purpose}`).digest('base64url')
  const inspectorPassword = derive('inspector password').slice(0, 16)
  return {
    hook: derive('hook'),
    control: derive('control'),
    inspector: derive('inspector'),
    inspectorPassword,
    inspectorPasswordHash: await hashPassword(inspectorPassword),
  }
}
