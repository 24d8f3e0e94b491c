/** Who looks. */

/** Somebody who may look at everything, and perhaps revoke. */
export interface Operator {
  readonly name: string
  /** Whether revoke and disconnect are theirs to use. */
  readonly mayRevoke: boolean
}
