import assert from 'node:assert/strict'
import { test } from 'node:test'
import { searchOptions, type TreeOptions, underWay } from '../../src/guidance/search-options.ts'
import { backpropagate, mostPromising, SearchNode, selectLeaf, simulate, uct } from '../../src/guidance/search-tree.ts'
import type { ChoiceEvent } from '../../src/guidance/strategy.ts'
import { treeSearch } from '../../src/guidance/tree-search.ts'
import { ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { failingReward, question, ruleReward, shareOfA } from './search-rewards.ts'
import { eventsOf, never, strategyContract, textsOf, toyRequest } from './strategy-contract.ts'

const optionsOf = (changes: object = {}) =>
  searchOptions.parse({
    method: 'tree',
    reward: 'r',
    iterations: 8,
    at: 'tokens',
    step_tokens: 2,
    ...changes,
  }) as TreeOptions

const tree = (changes: object = {}, budget?: number, reward = shareOfA) =>
  treeSearch(optionsOf(changes), budget, reward, question)

const endOf = (events: readonly ChoiceEvent[]) => {
  const end = events.at(-1)!
  assert.ok(end.type === 'choice-end')
  return { ...end, outcome: end.outcome!, search: end.outcome!.search! }
}

strategyContract('tree search', tree(), 1)
strategyContract('tree search of one child', tree({ branch: 1 }), 1)
strategyContract('tree search with a budget', tree({}, 40), 1)

function node(parent: SearchNode<string> | undefined, state: string, value: number, visits = 0): SearchNode<string> {
  const made = new SearchNode(parent, state, value)
  made.visits = visits
  if (parent !== undefined) parent.children = [...parent.children, made]
  return made
}

test('UCT: the golden value, and V + 1 where nothing was visited', () => {
  assert.ok(Math.abs(uct(0.5, 1, 4, 0.7) - 1.6655764557) < 1e-10)
  assert.equal(uct(0.5, 0, 4, 0.7), 1.5)
  assert.equal(uct(0.5, 3, 1, 0.7), 0.5)
})

test('selection goes down by UCT and takes the first child on ties', () => {
  const root = node(undefined, '', 0, 4)
  const left = node(root, 'l', 0.5, 1)
  node(root, 'm', 0.66, 0)
  node(root, 'r', 0.6, 2)
  // 1.6656 against 1.66 and 1.4241
  assert.equal(mostPromising(root, 0.7), left)
  const first = node(left, 'la', 0.2)
  node(left, 'lb', 0.2)
  assert.equal(selectLeaf(root, 0.7), first)
  assert.equal(selectLeaf(root, 0).state, 'm')
})

test('simulation blends, backpropagation takes the visit-weighted mean: a hand-made tree', () => {
  const root = node(undefined, '', 0, 2)
  const left = node(root, 'l', 0.4, 1)
  const right = node(root, 'r', 0.9, 2)
  const unseen = node(left, 'la', 0.1)
  const seen = node(left, 'lb', 0.6)
  simulate(seen, 0.8, 0.25)
  backpropagate(left)
  const close = (found: number, expected: number) => assert.ok(Math.abs(found - expected) < 1e-12, `${found}`)
  close(seen.value, 0.65)
  // the unvisited child weighs nothing
  close(left.value, 0.65)
  // (2 * .65 + 2 * .9) / 4
  close(root.value, 0.775)
  assert.deepEqual(
    [root, left, right, unseen, seen].map(({ visits }) => visits),
    [3, 2, 2, 0, 1],
  )
  backpropagate(right)
  // (2 * .65 + 3 * .9) / 5
  close(root.value, 0.8)
  assert.deepEqual([root.visits, right.visits, right.value], [4, 3, 0.9])
})

test('values that are -Infinity stay numbers', () => {
  const bad = node(undefined, '', Number.NEGATIVE_INFINITY)
  simulate(bad, 0.5, 1)
  assert.equal(bad.value, 0.5)
  const root = node(undefined, '', 0)
  node(root, 'l', Number.NEGATIVE_INFINITY)
  node(root, 'r', 0.5, 1)
  backpropagate(root)
  assert.equal(root.value, 0.5)
})

test('every value of a search lies within the range of its reward, and the parent within its children', async () => {
  for (let seed = 0n; seed < 20n; seed++) {
    const { search } = endOf(
      await eventsOf(tree({ end_value: 1 }), toyRequest({ seed, ignoreEos: true, maxTokens: 12 })),
    )
    for (const [i, { value }] of search.nodes.entries()) {
      assert.ok(value >= 0 && value <= 1)
      const visited = search.nodes
        .filter(({ parent, visits }) => parent === i && visits > 0)
        .map((child) => child.value)
      if (visited.length === 0) continue
      assert.ok(value >= Math.min(...visited) - 1e-12 && value <= Math.max(...visited) + 1e-12)
    }
  }
})

test('the budget is kept to the token, and used up where there is more to say', async () => {
  for (let budget = 3; budget < 50; budget++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const request = toyRequest({ ignoreEos: true, maxTokens: 1000 })
    const end = endOf(await eventsOf(tree({ end_value: 1 }, budget), request, decoder))
    assert.deepEqual(
      [decoder.steps, end.generatedTokens, end.search.drawn, end.search.budget],
      [budget, budget, budget, budget],
    )
    assert.equal(end.finishReason, 'length')
  }
  for (let seed = 0n; seed < 40n; seed++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const end = endOf(
      await eventsOf(tree({ at: 'step', delimiter: 'b', step_tokens: 5 }, 25), toyRequest({ seed }), decoder),
    )
    assert.ok(decoder.steps <= 25)
    assert.equal(end.generatedTokens, decoder.steps)
  }
})

test('without a budget the search ends with its rounds and a finished answer', async () => {
  for (let seed = 0n; seed < 40n; seed++) {
    const end = endOf(await eventsOf(tree({ iterations: 3 }), toyRequest({ seed, ignoreEos: true, maxTokens: 30 })))
    assert.equal(end.finishReason, 'length')
    assert.equal(end.returnedTokens, 30)
    assert.equal(end.search.nodes.length <= 10, true)
  }
})

test('the chosen answer has the highest reward of all that finished, so never less than the first found', async () => {
  for (let seed = 0n; seed < 40n; seed++) {
    const { outcome } = endOf(await eventsOf(tree(), toyRequest({ seed, maxTokens: 10 })))
    const scores = outcome.candidates!.map(({ score }) => score!)
    assert.equal(outcome.reward, Math.max(...scores))
    assert.ok(outcome.reward! >= scores[0]!)
    assert.equal(outcome.candidates!.filter(({ chosen }) => chosen).length, 1)
  }
})

test('more rounds find better answers on average', async () => {
  const mean = async (iterations: number) => {
    let sum = 0
    for (let seed = 0n; seed < 60n; seed++) {
      const request = toyRequest({ seed, ignoreEos: true, maxTokens: 10 })
      sum += endOf(await eventsOf(tree({ iterations, end_value: 1 }), request)).outcome.reward!
    }
    return sum / 60
  }
  assert.ok((await mean(12)) > (await mean(1)) + 0.1)
})

test('of leaves that are worth the same the latest is completed', async () => {
  const same = ruleReward(() => 0.5)
  for (let seed = 0n; seed < 10n; seed++) {
    const request = toyRequest({ seed, ignoreEos: true, maxTokens: 30 })
    const { outcome, search } = endOf(await eventsOf(tree({ iterations: 3 }, undefined, same), request))
    const pathOf = (i: number): string => {
      const { parent, text } = search.nodes[i]!
      return (parent === undefined ? '' : pathOf(parent)) + text
    }
    const parents = new Set(search.nodes.map(({ parent }) => parent))
    const leaves = [...search.nodes.keys()].filter((i) => !parents.has(i))
    // the last node made is one of them, and no other leaf reads like it
    const begun = leaves.filter((i) => outcome.candidates![0]!.text.startsWith(pathOf(i)))
    assert.deepEqual([outcome.candidates!.length, begun], [1, [search.nodes.length - 1]])
  }
})

test('a value that is good enough ends the search', async () => {
  const good = ruleReward(({ text }) => (text.length >= 4 ? 0.95 : 0.1))
  const request = toyRequest({ ignoreEos: true, maxTokens: 12 })
  const gated = endOf(await eventsOf(tree({ rollout_steps: 0, iterations: 30 }, undefined, good), request))
  const free = endOf(await eventsOf(tree({ rollout_steps: 0, iterations: 30, end_value: 1 }, undefined, good), request))
  assert.ok(gated.search.nodes.length < free.search.nodes.length)
  assert.equal(gated.outcome.reward, 0.95)
})

test('children differ in text', async () => {
  for (let seed = 0n; seed < 20n; seed++) {
    const { search } = endOf(await eventsOf(tree({ branch: 5, step_tokens: 1 }), toyRequest({ seed, maxTokens: 10 })))
    const keys = search.nodes.map(({ parent, text, finished }) => `${parent} ${finished} ${text}`)
    assert.equal(new Set(keys).size, keys.length)
  }
})

test('the answers alive stay within what was asked for, prefilled once', async () => {
  for (const [branch, iterations, budget] of [
    [3, 8, undefined],
    [2, 30, undefined],
    [9, 4, undefined],
    [1, 9, undefined],
    [3, 20, 12],
  ] as const) {
    const decoder = new ToyDecoder(scrambled, 2)
    let most = 0
    let asked = 0
    const { fork, open } = decoder
    decoder.open = (request) => {
      asked = request.forks!
      return open.call(decoder, request)
    }
    decoder.fork = (...parameters) => {
      const child = fork.apply(decoder, parameters)
      most = Math.max(most, decoder.live.size)
      return child
    }
    const request = toyRequest({ ignoreEos: true, maxTokens: 200 })
    await eventsOf(tree({ branch, iterations, end_value: 1, step_tokens: 4 }, budget), request, decoder)
    assert.ok(most <= asked + 1, `${most} alive, ${asked} forks asked for`)
    assert.ok(asked + 1 <= underWay(optionsOf({ branch, iterations })))
    assert.equal(decoder.prefills, 1)
  }
})

test('finished answers hold no memory', async () => {
  for (let seed = 0n; seed < 10n; seed++) {
    const decoder = new ToyDecoder(scrambled, 2)
    for await (const event of tree()(toyRequest({ seed, maxTokens: 10 }), decoder, never))
      if (event.type === 'progress') for (const { finishReason } of decoder.live) assert.equal(finishReason, undefined)
  }
})

test('no two continuations draw from one stream', async () => {
  const decoder = new ToyDecoder(scrambled, 2)
  const seeds: bigint[] = []
  const fork = decoder.fork.bind(decoder)
  decoder.fork = (sequence, seed) => {
    seeds.push(seed)
    return fork(sequence, seed)
  }
  await eventsOf(
    tree({ branch: 4, iterations: 20, end_value: 1 }),
    toyRequest({ ignoreEos: true, maxTokens: 30 }),
    decoder,
  )
  assert.ok(seeds.length > 60)
  assert.equal(new Set([7n, ...seeds]).size, seeds.length + 1)
})

test('what was streamed is never taken back; a tree of one child streams its rounds', async () => {
  let early = 0
  for (let seed = 0n; seed < 40n; seed++) {
    for (const branch of [1, 2]) {
      const request = toyRequest({ seed, ignoreEos: true, maxTokens: 16 })
      const events = await eventsOf(tree({ branch, iterations: 5 }), request)
      const end = endOf(events)
      const chosen = end.outcome.candidates!.find((candidate) => candidate.chosen)!
      assert.deepEqual(textsOf(events), [chosen.text])
      const draws = events.flatMap((event) => (event.type === 'choice-delta' ? event.draws : []))
      assert.equal(draws.length, end.returnedTokens)
      assert.equal(draws.map(({ id }) => 'abc'[id]).join(''), chosen.text)
      if (branch === 1 && events.length > 2) early++
    }
  }
  assert.ok(early > 20, `${early} of 40 runs streamed`)
})

test('the report is a tree whose paths spell its answers', async () => {
  const { outcome, search } = endOf(await eventsOf(tree(), toyRequest({ maxTokens: 9 })))
  const spell = (i: number | undefined): string =>
    i === undefined ? '' : spell(search.nodes[i]!.parent) + search.nodes[i]!.text
  const texts = outcome.candidates!.map(({ text }) => text)
  for (const [i, { finished, parent }] of search.nodes.entries()) {
    assert.equal(parent === undefined, i === 0)
    if (finished) assert.ok(texts.includes(spell(i)))
  }
  assert.equal(search.method, 'tree')
})

test('a failing reward fails the search and leaves nothing behind, whenever it fails', async () => {
  for (const good of [0, 1, 3, 4, 9]) {
    const decoder = new ToyDecoder(scrambled, 2)
    const run = () =>
      eventsOf(tree({}, undefined, failingReward(good)), toyRequest({ ignoreEos: true, maxTokens: 30 }), decoder)
    await assert.rejects(run, { name: 'RewardError' })
    assert.equal(decoder.live.size, 0)
  }
})

test('an abort at any moment leaves nothing behind', async () => {
  for (let events = 1; events < 12; events++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const gone = new AbortController()
    const run = async () => {
      let seen = 0
      const request = toyRequest({ ignoreEos: true, maxTokens: 1000 })
      for await (const _ of tree()(request, decoder, gone.signal)) if (++seen === events) gone.abort(new Error('gone'))
    }
    await assert.rejects(run, /gone/)
    assert.equal(decoder.live.size, 0)
  }
})

test('answers that must not be chosen do not break the search', async () => {
  for (const alpha of [0, 0.5, 1]) {
    const hopeless = ruleReward(() => Number.NEGATIVE_INFINITY, { range: undefined })
    const { outcome, search } = endOf(
      await eventsOf(tree({ alpha }, undefined, hopeless), toyRequest({ ignoreEos: true })),
    )
    assert.equal(outcome.reward, Number.NEGATIVE_INFINITY)
    assert.ok(search.nodes.every(({ value }) => !Number.isNaN(value)))
  }
})

test('what cannot be kept to is refused by name', () => {
  const refused = (param: string, changes: object, budget?: number, reward = shareOfA) =>
    assert.throws(() => tree(changes, budget, reward), { name: 'InvalidRequestError', param })
  const unbounded = ruleReward(() => 0, { range: undefined })
  refused('alignment.budget', {}, 2)
  refused('alignment.search.iterations', { branch: 3, iterations: 32 })
  refused(
    'alignment.search.reward',
    {},
    undefined,
    ruleReward(() => 0, { partial: false }),
  )
  refused('alignment.search.end_value', { end_value: 0.9 }, undefined, unbounded)
  refused(
    'alignment.search.end_value',
    { end_value: 0.9 },
    undefined,
    ruleReward(() => 0, { range: [-1, 1] }),
  )
  tree({}, undefined, unbounded)
  tree({ branch: 3, iterations: 31 }, 3)
})
