import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'

/** The upstream engines of a gateway. */
export interface Upstreams {
  readonly byName: ReadonlyMap<string, UpstreamPassage>
  /** The one that takes what belongs to no model. */
  readonly byDefault: UpstreamPassage | undefined
}

/** An upstream and what passing requests through to it needs to know. */
export interface UpstreamPassage {
  readonly client: UpstreamClient
  /** Bytes at the beginning of a body that decide which replica it prefers. */
  readonly affinityBytes: number
}

export const noUpstreams: Upstreams = { byName: new Map(), byDefault: undefined }

/** True when a new call would be sent to some replica. */
export function isUsable({ client }: UpstreamPassage): boolean {
  return client.replicas.some(({ status }) => status === 'up' || status === 'unknown')
}
