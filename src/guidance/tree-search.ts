import type { SequenceRequest } from '../decoding/decoder.ts'
import type { Question, Reward } from '../rm/reward.ts'
import { Judge } from './judge.ts'
import type { PartialAnswer } from './partial-answer.ts'
import { searchSeed } from './random-streams.ts'
import { assertSearchable, endValue, type TreeOptions, underWay } from './search-options.ts'
import { type Judged, SearchRun } from './search-run.ts'
import { backpropagate, mostPromising, SearchNode, selectLeaf, simulate } from './search-tree.ts'
import type { SearchNodeReport, Strategy, StrategyEvent } from './strategy.ts'

type Node = SearchNode<Judged>

/** Further tries for children whose text another one has. */
const retries = 3

/**
 * Strategy: tree search as in ReST-MCTS* (arXiv 2406.03816, with its prompts for steps replaced by the decoder's own law):
 * nodes are beginnings that end with a step, their values come from the reward. In the end the most valuable leaf is
 * completed, and the finished answer of the highest reward is chosen, rollouts that finished included. Ties: the first
 * child of the highest UCT, the latest leaf of the highest value, the first answer of the highest reward.
 * @throws InvalidRequestError for searches that cannot be kept to
 */
export function treeSearch(
  options: TreeOptions,
  budget: number | undefined,
  reward: Reward,
  question: Question,
): Strategy {
  assertSearchable(options, budget, reward)
  return async function* run(request, decoder, signal) {
    const judge = new Judge(reward, question, signal)
    const most = Math.min(underWay(options), (budget ?? Number.POSITIVE_INFINITY) + 1)
    const [search, first] = await SearchRun.open(options, budget, most, judge, request, decoder, signal)
    try {
      yield { type: 'progress', message: `search: a tree of up to ${options.iterations} rounds` }
      const tree = new Tree(options, endValue(options, reward.traits), first, search, request)
      for (let round = 0; round < options.iterations && !tree.settled; round++) {
        await tree.round(round)
        yield { type: 'progress', message: `search: round ${round + 1}, ${tree.nodes.length} nodes` }
        yield* search.common(tree.leaves.map(({ state }) => state.answer))
      }
      const partial = yield* tree.complete()
      yield* search.end(search.best ?? partial, tree.report())
    } finally {
      search.release()
    }
  }
}

class Tree {
  /** In the order they were made; the first one is the prompt. */
  readonly nodes: Node[]
  readonly #options: TreeOptions
  readonly #end: number | undefined
  readonly #search: SearchRun
  readonly #request: SequenceRequest

  constructor(
    options: TreeOptions,
    end: number | undefined,
    first: PartialAnswer,
    search: SearchRun,
    request: SequenceRequest,
  ) {
    this.#options = options
    this.#end = end
    this.#search = search
    this.#request = request
    this.nodes = [new SearchNode(undefined, { answer: first, score: 0 }, 0)]
  }

  /** Beginnings and answers that the chosen one is or goes on from. */
  get leaves(): readonly Node[] {
    return this.nodes.filter(({ children }) => children.length === 0)
  }

  /** Whether another round has nothing to find: the budget is spent, all is finished, or the best is good enough. */
  get settled(): boolean {
    if (this.#search.budget.left === 0 || this.leaves.every(({ state }) => state.answer.finished)) return true
    const { value, parent } = this.#select()
    return this.#end !== undefined && parent !== undefined && value >= this.#end
  }

  /** SELECT, EXPAND, SIMULATE, BACKPROP; a finished leaf is only visited. */
  async round(round: number): Promise<void> {
    const node = this.#select()
    if (!node.state.answer.finished) {
      await this.#expand(node, round)
      if (node.children.length > 0) await this.#simulate(mostPromising(node, this.#options.exploration), round)
    }
    backpropagate(node)
  }

  /** Draws the most valuable leaf to its end. @returns it */
  async *complete(): AsyncGenerator<StrategyEvent, Judged> {
    const leaf = this.leaves.reduce((best, node) => (node.value >= best.value ? node : best))
    const { answer } = leaf.state
    if (answer.finished || this.#search.budget.left === 0) return leaf.state
    return yield* this.#search.complete(answer, this.#request.sampling.maxTokens - answer.generatedTokens)
  }

  report(): SearchNodeReport[] {
    const index = new Map(this.nodes.map((node, i) => [node, i]))
    return this.nodes.map((node) => ({
      parent: node.parent && index.get(node.parent)!,
      text: node.state.answer.text.slice(node.parent?.state.answer.text.length ?? 0),
      value: node.value,
      visits: node.visits,
      finished: node.state.answer.finished,
    }))
  }

  #select(): Node {
    return selectLeaf(this.nodes[0]!, this.#options.exploration)
  }

  /** Children of different text; the node's own sequence is given up, for it is never expanded twice. */
  async #expand(node: Node, round: number): Promise<void> {
    const { branch } = this.#options
    const children = new Map<string, Judged>()
    for (let attempt = 0; attempt <= retries && children.size < branch && this.#search.budget.left > 0; attempt++) {
      const missing = Math.min(branch - children.size, this.#search.budget.left)
      const drawn = Array.from({ length: missing }, (_, k) => this.#fork(node, round, attempt * branch + k))
      for (const child of await this.#search.step(drawn)) {
        const key = `${child.answer.finished} ${child.answer.text}`
        if (children.has(key)) child.answer.release()
        else children.set(key, child)
      }
    }
    node.children = [...children.values()].map((child) => new SearchNode(node, child, child.score))
    this.nodes.push(...node.children)
    node.state.answer.release()
  }

  /** A rollout of a few steps from one child, for the best value seen on the way. */
  async #simulate(child: Node, round: number): Promise<void> {
    const { rollout_steps, alpha, branch } = this.#options
    if (child.state.answer.finished || rollout_steps === 0) return simulate(child, child.value, alpha)
    const rollout = this.#fork(child, round, (retries + 1) * branch)
    const values: number[] = []
    for (let step = 0; step < rollout_steps && !rollout.finished && this.#search.budget.left > 0; step++)
      values.push(...(await this.#search.step([rollout])).map(({ score }) => score))
    rollout.release()
    simulate(child, values.length === 0 ? child.value : Math.max(...values), alpha)
  }

  #fork(node: Node, round: number, draw: number): PartialAnswer {
    return this.#search.fork(node.state.answer, searchSeed(this.#request.sampling.seed, round, draw))
  }
}
