/** Labelled inputs of the forms. */

import type { ComponentChildren } from 'preact'

interface FieldProps {
  readonly label: string
  readonly name: string
  readonly value?: string | undefined
  readonly hint?: string
  readonly required?: boolean
  readonly list?: string
  readonly type?: 'text' | 'search' | 'number'
}

export function Field({ label, name, value = '', hint, required = false, list, type = 'text' }: FieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input
        name={name}
        type={type}
        defaultValue={value}
        required={required}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        maxLength={1024}
        {...(list === undefined ? {} : { list })}
      />
      {hint !== undefined && <small>{hint}</small>}
    </label>
  )
}

interface ChoiceProps {
  readonly label: string
  readonly name: string
  readonly value?: string | undefined
  readonly options: readonly (readonly [value: string, text: string])[]
  readonly onChoose?: (value: string) => void
}

export function Choice({ label, name, value = '', options, onChoose }: ChoiceProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select name={name} value={value} onChange={(event) => onChoose?.(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

/** What a form holds, without what is empty. */
export function valuesOf(form: HTMLFormElement): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, value] of new FormData(form)) if (typeof value === 'string' && value !== '') values[name] = value
  return values
}

/** The error of a form, read out when it comes. */
export function FormError({ children }: { children: ComponentChildren }) {
  return (
    <p role="alert" class="form-error">
      {children}
    </p>
  )
}
