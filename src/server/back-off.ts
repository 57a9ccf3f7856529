/** How long to wait before start number `attempt` (from 0): doubling, capped. */
export function backOffMs(attempt: number, firstMs: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** attempt)
}
