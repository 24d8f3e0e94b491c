/** What the declarations of old packages leave open, so that code that was written against them compiles. */

// biome-ignore lint/suspicious/noExplicitAny: it has to be exactly the type of the old declarations
export type Untyped = any
