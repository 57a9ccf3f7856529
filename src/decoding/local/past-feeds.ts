import { blockTokens, keyPanels, panelColumns, rangePrefixes, valuePanels } from '../graph/attention.ts'
import type { BlockRange, BlockRanges } from './block-reads.ts'
import type { KvPool } from './kv-pool.ts'
import type { Feed } from './onnx-session.ts'

/**
 * The keys and values of a step's ranges of blocks, where they lie. The same ranges come step after step, so each range's
 * inputs are kept until another one comes: making them anew took a hundredth of a one-row step.
 */
export class PastFeeds {
  readonly #pool: KvPool
  readonly #last: { start: number; end: number; feeds: ReadonlyMap<string, Feed> }[] = []

  constructor(pool: KvPool) {
    this.#pool = pool
  }

  add(feeds: Map<string, Feed>, ranges: BlockRanges): void {
    for (const [i, { start, end }] of ranges.entries()) {
      let last = this.#last[i]
      if (last?.start !== start || last.end !== end) {
        last = { start, end, feeds: rangeFeeds(this.#pool, { start, end }, rangePrefixes[i]!) }
        this.#last[i] = last
      }
      for (const [name, feed] of last.feeds) feeds.set(name, feed)
    }
  }
}

function rangeFeeds(
  pool: KvPool,
  { start, end }: Pick<BlockRange, 'start' | 'end'>,
  prefix: string,
): Map<string, Feed> {
  const { layerCount, kvHeadCount, headSize } = pool.shape
  const [from, to] = [start * pool.blockFloats, end * pool.blockFloats]
  const panels = valuePanels(headSize)
  const keyDims = [end - start, kvHeadCount, keyPanels, headSize, panelColumns]
  const valueDims = [end - start, kvHeadCount, panels, blockTokens, headSize / panels]
  const feeds = new Map<string, Feed>()
  for (let layer = 0; layer < layerCount; layer++) {
    const [keys, values] = [pool.keys[layer]!.subarray(from, to), pool.values[layer]!.subarray(from, to)]
    feeds.set(`${prefix}k${layer}`, { data: keys, dims: keyDims, kept: true })
    feeds.set(`${prefix}v${layer}`, { data: values, dims: valueDims, kept: true })
  }
  return feeds
}
