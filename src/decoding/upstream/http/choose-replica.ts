import { createHash } from 'node:crypto'
import type { Replica } from './replica.ts'

/** A replica may have this much more than its share of the load before a prefix moves on to the next. */
const loadSlack = 1.25

/**
 * The replica for a call: of those that are up the one its prefix prefers, unless that is busy beyond its share, else the one with the least to
 * do. Where probes say that all are down, they are asked anyway: probes may be wrong, and the breaker still guards them.
 * @param tried replicas to leave out while there are others
 */
export function chooseReplica(
  replicas: readonly Replica[],
  prefix: string | Uint8Array | undefined,
  tried: ReadonlySet<Replica>,
): Replica | undefined {
  const admitting = replicas.filter((replica) => replica.breaker.admits)
  const up = admitting.filter((replica) => !replica.isDown)
  const usable = up.length > 0 ? up : admitting
  const fresh = usable.filter((replica) => !tried.has(replica))
  const candidates = fresh.length > 0 ? fresh : usable
  if (candidates.length < 2) return candidates[0]
  return prefix === undefined ? leastLoaded(candidates) : preferred(candidates, prefix)
}

function leastLoaded(candidates: readonly Replica[]): Replica | undefined {
  const least = Math.min(...candidates.map(({ load }) => load))
  const idle = candidates.filter(({ load }) => load === least)
  return idle[Math.floor(Math.random() * idle.length)]
}

/** Rendezvous hashing with bounded load: a replica that comes or goes moves only the prefixes it gains or had. */
function preferred(candidates: readonly Replica[], prefix: string | Uint8Array): Replica | undefined {
  const total = candidates.reduce((sum, { load }) => sum + load, 0)
  const most = Math.ceil((loadSlack * (total + 1)) / candidates.length)
  const digest = createHash('sha1').update(prefix).digest()
  const ranked = candidates
    .map((replica) => ({ replica, rank: rankOf(replica, digest) }))
    .sort((left, right) => left.rank - right.rank)
  return ranked.find(({ replica }) => replica.load < most)?.replica ?? leastLoaded(candidates)
}

function rankOf(replica: Replica, digest: Uint8Array): number {
  return createHash('sha1').update(digest).update(replica.address).digest().readUInt32BE(0)
}
