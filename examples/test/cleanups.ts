/**
 * What runs after the present test, or after the present file. Test files share a process, and a module of theirs is loaded once for all: a hook that
 * such a module registers by itself is one of the first file alone. `setup.ts` registers these for each file.
 */

type Cleanup = () => unknown

const perTest: Cleanup[] = []
const perFile: Cleanup[] = []

/** Run after the present test, last first. */
export function afterTest(cleanup: Cleanup): void {
  perTest.push(cleanup)
}

/** Run after the last test of the present file, last first. */
export function afterFile(cleanup: Cleanup): void {
  perFile.push(cleanup)
}

export async function endTest(): Promise<void> {
  for (const cleanup of perTest.splice(0).reverse()) await cleanup()
}

export async function endFile(): Promise<void> {
  for (const cleanup of perFile.splice(0).reverse()) await cleanup()
}
