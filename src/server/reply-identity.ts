import { createHash, randomUUID } from 'node:crypto'
import type { ModelCard } from './engine-messages.ts'

/** What every chunk of one reply repeats. */
export interface ReplyIdentity {
  readonly id: string
  /** Unix seconds. */
  readonly created: number
  /** The name that was asked for, alias or not. */
  readonly model: string
  readonly systemFingerprint: string
}

/** Identity of a new reply; the fingerprint changes with the model's name, checkpoint, weight format and context. */
export function newReplyIdentity(
  prefix: 'chatcmpl-' | 'cmpl-' | 'resp_',
  model: string,
  card: ModelCard,
): ReplyIdentity {
  const fingerprint = createHash('sha256').update(JSON.stringify(card)).digest('hex').slice(0, 10)
  return {
    id: `${prefix}${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model,
    systemFingerprint: `fp_${fingerprint}`,
  }
}
