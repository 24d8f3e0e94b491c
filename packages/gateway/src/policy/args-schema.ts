/** JSON Schemas of the file as a Standard Schema for the arguments of an event. */

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { StandardSchemaV1 } from 'portcullis'

/** A JSON Schema of the file that cannot be compiled. */
export class SchemaMistake extends Error {
  override readonly name = 'SchemaMistake'
}

/**
 * A schema for exactly so many arguments, each under its own JSON Schema (draft 2020-12). Nothing is coerced or filled in.
 *
 * @throws SchemaMistake
 */
export function argsSchema(schemas: readonly unknown[]): StandardSchemaV1<unknown, readonly unknown[]> {
  // Stops at the first that does not fit: a `maxLength` beside a `pattern` keeps long text from a regular expression that backtracks.
  const ajv = new Ajv2020({ strict: true, allErrors: false, ownProperties: true, validateFormats: false })
  const validators = schemas.map((schema, index): ValidateFunction => {
    try {
      return ajv.compile(schema as object)
    } catch (error) {
      throw new SchemaMistake(`has no JSON Schema at ${index}: ${error instanceof Error ? error.message : 'unknown'}`)
    }
  })
  return {
    '~standard': {
      version: 1,
      vendor: 'portcullis-gateway',
      validate(value) {
        if (!Array.isArray(value) || value.length !== validators.length) {
          return { issues: [{ message: `expects ${validators.length} arguments` }] }
        }
        for (const [index, validate] of validators.entries()) {
          if (!validate(value[index])) return { issues: [{ message: 'does not fit its schema', path: [index] }] }
        }
        return { value }
      },
    },
  }
}
