/** The OpenAPI document of the control API, as something that requests and answers are held against. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { parse } from 'yaml'

interface Documented {
  readonly operationId: string
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: unknown }>> }
  readonly responses: Readonly<Record<string, unknown>>
}

/** An answer of the control API. */
export interface ControlReply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export const text: string = readFileSync(fileURLToPath(new URL('../openapi/control.yaml', import.meta.url)), 'utf8')
export const document = parse(text) as {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>
}

const ajv = new Ajv2020({ strict: true, allErrors: true, validateFormats: true })
// What OpenAPI adds around schemas is not JSON Schema.
ajv.addVocabulary(['openapi', 'info', 'servers', 'security', 'tags', 'paths', 'components'])
ajv.addSchema(document as unknown as object, 'control')

const compiled = new Map<string, ValidateFunction>()
function schemaAt(pointer: string): ValidateFunction {
  const found = compiled.get(pointer) ?? ajv.compile({ $ref: `control#${pointer}` })
  compiled.set(pointer, found)
  return found
}

/** The documented path that a request is to, and its JSON pointer. */
function pathOf(path: string): string | undefined {
  const [plain = ''] = path.replace(/^\/v1/, '').split('?')
  return Object.keys(document.paths).find((known) =>
    new RegExp(`^${known.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(plain),
  )
}

/** Whether the document allows this body; undefined for what it does not know. */
export function allowsBody(method: string, path: string, body: unknown): boolean | undefined {
  const known = pathOf(path)
  const operation = known === undefined ? undefined : document.paths[known]?.[method.toLowerCase()]
  if (known === undefined || operation?.requestBody === undefined) return undefined
  const escaped = known.replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')
  const at = `/paths/${escaped}/${method.toLowerCase()}/requestBody/content/application~1json/schema`
  return schemaAt(at)(body) as boolean
}

interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, { readonly required?: boolean; readonly schema?: unknown }>>
  readonly content: Readonly<Record<string, { readonly schema: unknown }>>
}

/** What the document says against an answer, or null. Answers to what it does not know must be problems all the same. */
export function faultOf(method: string, path: string, { status, headers, text: body }: ControlReply): string | null {
  const known = pathOf(path)
  const operation = known === undefined ? undefined : document.paths[known]?.[method.toLowerCase()]
  const response = operation?.responses[String(status)] as { readonly $ref?: string } | undefined
  if (operation !== undefined && response === undefined) return `${operation.operationId} does not document ${status}`
  const [at, described] = resolved(known, method, status, response)
  for (const [name, { required, schema }] of Object.entries(described.headers ?? {})) {
    const header = deref(schema === undefined ? (described.headers?.[name] as { $ref?: string }) : { required, schema })
    const value = headers.get(name)
    if (value === null && header.required === true) return `${name} is missing`
    if (value !== null && header.schema !== undefined && !ajv.validate(header.schema as object, value))
      return `${name}: ${value}`
  }
  const [type = ''] = (headers.get('content-type') ?? '').split(';')
  if (!Object.hasOwn(described.content, type)) return `${status} is of type ${type}`
  const value: unknown = type === 'application/yaml' ? body : JSON.parse(body)
  const validate = schemaAt(`${at}/content/${type.replaceAll('/', '~1')}/schema`)
  return validate(value) ? null : `${status}: ${ajv.errorsText(validate.errors)} in ${body}`
}

function resolved(
  known: string | undefined,
  method: string,
  status: number,
  response: { readonly $ref?: string } | undefined,
): [string, DocumentedResponse] {
  const pointer =
    response === undefined
      ? '/components/responses/Problem'
      : (response.$ref?.slice(1) ??
        `/paths/${(known ?? '').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')}/${method.toLowerCase()}/responses/${status}`)
  return [pointer, deref(response === undefined ? { $ref: `#${pointer}` } : response) as unknown as DocumentedResponse]
}

function deref(value: { readonly $ref?: string } & Record<string, unknown>): Record<string, unknown> {
  if (value.$ref === undefined) return value
  return value.$ref
    .slice(2)
    .split('/')
    .reduce<unknown>((part, name) => (part as Record<string, unknown>)[name], document) as Record<string, unknown>
}
