/** What somebody who reads a refusal can do about it. */

import type { Refusal } from 'portcullis'

const BY_CODE: Readonly<Record<string, string>> = {
  AUTH_CREDENTIAL_INVALID: 'Log in with the right name and password.',
  AUTH_ARGUMENTS_INVALID: 'Correct what was entered.',
  AUTH_INSUFFICIENT_SCOPE: 'Not permitted: this account may read, not write. Trying again does not help.',
  AUTH_ORIGIN_REFUSED: 'Open this page at an address that the gateway knows, or add yours to ORIGINS.',
  AUTH_RATE_LIMITED: 'Wait a minute, then try again.',
  AUTH_ERROR: 'The server has a fault; its log says more.',
  UNKNOWN_USER: 'Check the name.',
}

const BY_RETRY: Readonly<Record<Refusal['retry'], string>> = {
  never: 'Not permitted for this account. Trying again does not help.',
  refresh: 'Log in again for a new credential.',
  backoff: 'Wait a little, then try again.',
}

export function adviceFor({ code, retry }: Refusal): string {
  return (Object.hasOwn(BY_CODE, code) ? BY_CODE[code] : undefined) ?? BY_RETRY[retry] ?? ''
}
