/** Helpers for tests of your own strategies, stores and policies. */

export { type FakeClock, fakeClock } from './fake-clock.ts'
export { type HandshakeOptions, handshakeOf } from './handshake.ts'
export {
  type ContractStore,
  type RevocationLogContractOptions,
  revocationLogContract,
} from './revocation-log-contract.ts'
export {
  type BadRequest,
  type ContractCase,
  type StrategyContractOptions,
  type StrategyRequest,
  strategyContract,
} from './strategy-contract.ts'
export {
  type TestClient,
  type TestClientOptions,
  type TestClosing,
  type TestRefusal,
  testClient,
} from './test-client.ts'
