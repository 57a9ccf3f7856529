const hugePages = 'glibc.malloc.hugetlb'

/**
 * The engine's environment: its memory comes in huge pages where the system gives them on request (Linux's `madvise`, glibc
 * 2.35 and later; elsewhere this changes nothing). Every step reads all weights once, and with pages of 4 KiB a sixth of a
 * one-row step is spent on finding them. An operator's own setting stands. docs/decisions/0014
 */
export function engineEnvironment(own: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const tunables = own['GLIBC_TUNABLES']
  if (tunables?.includes(hugePages)) return own
  const asked = `${hugePages}=1`
  return { ...own, GLIBC_TUNABLES: tunables ? `${tunables}:${asked}` : asked }
}
