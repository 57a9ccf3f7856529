const units: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
}

/** What a size looks like: a number and a unit. */
export const byteSizePattern = /^(\d+(?:\.\d+)?)\s*(B|KB|MB|GB|KiB|MiB|GiB)$/

/** `4GiB` -> 4294967296. The text must match byteSizePattern. */
export function parseByteSize(text: string): number {
  const [, amount = '', unit = ''] = byteSizePattern.exec(text) ?? []
  return Math.round(Number(amount) * (units[unit] ?? Number.NaN))
}
