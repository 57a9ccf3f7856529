import type { Question, Reward } from '../rm/reward.ts'
import { Judge } from './judge.ts'
import type { PartialAnswer } from './partial-answer.ts'
import { answerSeed, forkSeed } from './random-streams.ts'
import { assertSearchable, type BeamOptions, underWay } from './search-options.ts'
import { type Judged, SearchRun } from './search-run.ts'
import type { SearchNodeReport, Strategy } from './strategy.ts'

/** A prefix that stays, and the node of the report that it ends in; the prompt is none. */
interface Prefix extends Judged {
  readonly node: number | undefined
}

type Nodes = { -readonly [K in keyof SearchNodeReport]: SearchNodeReport[K] }[]

/**
 * Strategy: step beam search. In each step every prefix that stays is continued in `branch` ways, and of all continuations
 * and finished answers the `width` of the highest reward stay, the earlier ones on ties; it ends when those are all finished,
 * or the budget is. The first step continues the prompt in width * branch ways, as if it were `width` prefixes. A search,
 * not a sampler: only at width = branch = 1 does it draw from the base's law.
 * @throws InvalidRequestError for searches that cannot be kept to
 */
export function stepBeam(
  options: BeamOptions,
  budget: number | undefined,
  reward: Reward,
  question: Question,
): Strategy {
  assertSearchable(options, budget, reward)
  return async function* run(request, decoder, signal) {
    const judge = new Judge(reward, question, signal)
    const most = underWay(options)
    const goingOn = { ...request, ahead: true }
    const [search, first] = await SearchRun.open(options, budget, most, judge, goingOn, decoder, signal)
    try {
      yield { type: 'progress', message: `search: ${options.width} prefixes of ${options.branch} continuations` }
      const { seed } = request.sampling
      const nodes: Nodes = []
      let kept: readonly Prefix[] = [{ answer: first, score: Number.NEGATIVE_INFINITY, node: undefined }]
      let partials: readonly Prefix[] = kept
      for (let step = 0; partials.length > 0 && search.budget.left > 0; step++) {
        const origins = continuations(partials, step === 0 ? most : options.branch, step, seed, search)
        const judged = await search.step([...origins.keys()])
        const continued = judged.map((found) => withNode(found, origins.get(found.answer)!, nodes))
        kept = keepBest([...kept.filter(({ answer }) => answer.finished), ...continued], options.width)
        for (const answer of origins.keys()) if (!kept.some((prefix) => prefix.answer === answer)) answer.release()
        partials = kept.filter(({ answer }) => !answer.finished)
        yield { type: 'progress', message: `search: step ${step + 1}, ${partials.length} prefixes go on` }
        yield* search.common(partials.map(({ answer }) => answer))
      }
      yield* search.end(search.best ?? partials[0]!, nodes)
    } finally {
      search.release()
    }
  }
}

/** Each prefix goes on itself as the first of its continuations. @returns the prefix that each continues */
function continuations(
  prefixes: readonly Prefix[],
  branch: number,
  step: number,
  seed: bigint,
  search: SearchRun,
): Map<PartialAnswer, Prefix> {
  const origins = new Map<PartialAnswer, Prefix>()
  for (const [i, prefix] of prefixes.entries())
    for (let k = 0; k < branch; k++) {
      const copySeed = step === 0 ? answerSeed(seed, k) : forkSeed(seed, step, i * branch + k)
      origins.set(k === 0 ? prefix.answer : search.fork(prefix.answer, copySeed), prefix)
    }
  return origins
}

/** Best first. */
const keepBest = (prefixes: readonly Prefix[], width: number): Prefix[] =>
  prefixes.toSorted((a, b) => b.score - a.score || 0).slice(0, width)

function withNode({ answer, score }: Judged, origin: Prefix, nodes: Nodes): Prefix {
  const { node: parent } = origin
  if (parent !== undefined) nodes[parent]!.visits++
  const length = parentLength(parent, nodes)
  nodes.push({ parent, text: answer.text.slice(length), value: score, visits: 0, finished: answer.finished })
  return { answer, score, node: nodes.length - 1 }
}

function parentLength(parent: number | undefined, nodes: Nodes): number {
  let length = 0
  for (let at = parent; at !== undefined; at = nodes[at]!.parent) length += nodes[at]!.text.length
  return length
}
