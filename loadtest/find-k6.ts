import { runProgram } from '../bench/child.ts'

/** The k6 to use: the one given, or the one on the PATH. @throws Error that says how to get it */
export async function findK6(given: string | undefined): Promise<string> {
  const program = given ?? 'k6'
  try {
    await runProgram(program, ['version'])
    return program
  } catch (error) {
    const how =
      'install it from https://k6.io or with `go install go.k6.io/k6@v1.8.1`, and give --k6 PATH or TRIMTAB_K6 where it is not on the PATH'
    throw new Error(`k6 does not run as "${program}": ${how}.`, { cause: error })
  }
}
