/** The JSON Schema of the configuration file, for editors. */

import { z } from 'zod'
import { configSchema } from './schema.ts'

/** Draft 2020-12. What conditions and expressions say is checked by the gateway alone. */
export function jsonSchemaOf(): object {
  const schema = z.toJSONSchema(configSchema({}), { io: 'input', unrepresentable: 'any', reused: 'inline' })
  return { ...schema, title: 'Portcullis gateway' }
}
