/** Errors that end a start. The message is one line that says what is wrong and what to do. */

/** Its message is printed as it is, without a stack, and the process exits with 1. Holds no secret and no password. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StartError'
  }
}

/** The `code` of a system error, such as `ECONNREFUSED`; else the error's name. Never its message, which may hold values. */
export function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown'
  const { code, errors, name } = error as { code?: unknown; errors?: unknown; name?: unknown }
  if (typeof code === 'string' && code !== '') return code
  if (Array.isArray(errors) && errors.length > 0) return reasonOf(errors[0])
  return typeof name === 'string' ? name : 'unknown'
}
