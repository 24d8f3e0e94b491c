/** Helpers for tests of your own strategies, stores and policies. */

export { type HandshakeOptions, handshakeOf } from './handshake.ts'
export {
  type BadRequest,
  type ContractCase,
  type StrategyContractOptions,
  type StrategyRequest,
  strategyContract,
} from './strategy-contract.ts'
