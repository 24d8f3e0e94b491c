/** Redis emitters: messages of other programs, in any language, for the sockets of this gateway. */

export {
  createEmitterBridge,
  type EmitterBridge,
  type EmitterBridgeOptions,
  type EmitterStats,
  type EmitterSubscriber,
} from './bridge.ts'
export type { EmitterCommand } from './command.ts'
export type { EmitterRefusal } from './refusal.ts'
export { signEmission } from './signature.ts'
