/** What every revocation log must keep, as test cases for any test runner. */

import assert from 'node:assert/strict'
import type { ContractStore } from './revocation-log-assertions.ts'
import { busCases } from './revocation-log-bus-cases.ts'
import { entryCases } from './revocation-log-entry-cases.ts'
import { lossCases } from './revocation-log-loss-cases.ts'
import { nodeCases } from './revocation-log-node-cases.ts'
import type { ContractCase } from './strategy-contract.ts'

export type { ContractStore } from './revocation-log-assertions.ts'

type Awaitable<T> = T | Promise<T>

/** What `revocationLogContract` needs. */
export interface RevocationLogContractOptions {
  /** A new store for every case, with nothing in it. */
  readonly store: () => Awaitable<ContractStore>
}

/**
 * The facts that hold for every revocation log: whoever reads it misses nothing that was appended, whatever is lost, forgotten
 * or forged in between.
 *
 * Does not check how long anything takes, nor what survives the end of the store's own process.
 *
 * @example for (const { name, run } of revocationLogContract({ store })) test(name, run)
 */
export function revocationLogContract({ store }: RevocationLogContractOptions): readonly ContractCase[] {
  return [...entryCases, ...nodeCases, ...busCases, ...lossCases].map(({ name, run }) => ({
    name,
    async run() {
      const opened = await store()
      assert.equal(typeof opened.log().shared, 'boolean', 'shared must be true or false')
      await run(opened)
    },
  }))
}
