/** `schema`: the JSON Schema of the configuration file. */

import { jsonSchemaOf } from '../config/json-schema.ts'
import type { Command } from './command.ts'

export const SCHEMA_HELP = `portcullis-gateway schema
  Prints the JSON Schema of the configuration file, for editors. The package ships it as schema/portcullis.schema.json.`

export const schema: Command = async (_args, terminal) => {
  terminal.print(JSON.stringify(jsonSchemaOf(), null, 2))
  return 0
}
