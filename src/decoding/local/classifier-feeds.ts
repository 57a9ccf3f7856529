import type { ClassifierCheckpoint } from '../checkpoint/classifier-checkpoint.ts'
import type { ClassifierInput } from '../checkpoint/classifier-tokenizer.ts'
import type { Feed } from './onnx-session.ts'

/**
 * One text as a classifier's graph takes it.
 * @throws RangeError for one without tokens, or beyond the context
 */
export function classifierFeeds(
  { network, source }: ClassifierCheckpoint,
  contextLength: number,
  { ids, segments }: ClassifierInput,
): Map<string, Feed> {
  const length = ids.length
  if (length === 0 || length > contextLength)
    throw new RangeError(`${source}: a text of ${length} tokens, the context is 1 to ${contextLength}`)
  const dims = [1, length]
  const feeds = new Map<string, Feed>([['input_ids', { data: Int32Array.from(ids), dims }]])
  if (network.family === 'decoder') {
    feeds.set('position_ids', { data: BigInt64Array.from(ids, (_, i) => BigInt(i)), dims })
    return feeds
  }
  const { firstPosition, padTokenId, typeCount } = network.config
  let next = firstPosition
  // RoBERTa's padding has the position before the first
  const position = (id: number) => (firstPosition > 0 && id === padTokenId ? padTokenId : next++)
  feeds.set('position_ids', { data: BigInt64Array.from(ids, (id) => BigInt(position(id))), dims })
  const types = Int32Array.from(ids, (_, i) => Math.min(segments?.[i] ?? 0, typeCount - 1))
  feeds.set('token_type_ids', { data: types, dims })
  return feeds
}
