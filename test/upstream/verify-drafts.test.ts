import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PositionLaw } from '../../src/decoding/upstream/position-law.ts'
import type { Draft } from '../../src/decoding/upstream/token-engine.ts'
import { type Position, verifyDrafts } from '../../src/decoding/upstream/verify-drafts.ts'
import { assertNear, assertSameLaw, type Chance, enumerated, lawOf, mean } from '../laws/enumeration.ts'
import { scrambledLaw } from './double-engine.ts'

interface Setup {
  readonly size: number
  readonly drafts: number
  readonly length: number
  /** The target is restricted to this many ids, the first ones. */
  readonly support: number
  /** How far bounds are from the acceptance they bound; undefined: none are given. */
  readonly slack?: number
}

type Ids = readonly number[]

const lawBehind = (name: string, size: number, ids: Ids): number[] => scrambledLaw(name, size)(ids).map(Math.exp)

function targetBehind({ size, support }: Setup, ids: Ids): number[] {
  const weights = lawBehind('target', size, ids).slice(0, support)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

function positionBehind(setup: Setup, ids: Ids): Position {
  const target = targetBehind(setup, ids)
  const draft = lawBehind('draft', setup.size, ids)
  const law: PositionLaw = {
    ids: target.map((_, id) => id),
    target,
    draft: draft.slice(0, setup.support),
    truncation: 0,
    report: () => ({ logprob: Number.NaN, top: undefined }),
  }
  return {
    law: async () => law,
    bounds(id) {
      if (setup.slack === undefined) return undefined
      const exact = Math.min(1, (target[id] ?? 0) / draft[id]!)
      return { least: Math.max(0, exact - setup.slack), most: Math.min(1, exact + setup.slack / 2) }
    },
  }
}

/** A draft of tokens from the draft law; an engine's report of them is of no use here. */
function drafted({ size, length }: Setup, chance: Chance): Draft {
  const ids: number[] = []
  while (ids.length < length) ids.push(chance(lawBehind('draft', size, ids)))
  const top = { ids: [], logprobs: [] }
  return { tokens: ids.map((id) => ({ id, logprob: 0, top })), ended: false }
}

/** One round, gone on with from the target until there are as many tokens as a draft has. */
async function answered(setup: Setup, chance: Chance) {
  const drafts = Array.from({ length: setup.drafts }, () => drafted(setup, chance))
  const positionOf = (draft: number, at: number) =>
    positionBehind(
      setup,
      drafts[draft]!.tokens.slice(0, at).map(({ id }) => id),
    )
  const verified = await verifyDrafts(drafts, positionOf, chance)
  const ids = verified.tokens.map(({ id }) => id)
  while (ids.length < setup.length) ids.push(chance(targetBehind(setup, ids)))
  return { ids, verified }
}

function expected(setup: Setup, ids: Ids = [], mass = 1, law = new Map<string, number>()): Map<string, number> {
  if (ids.length === setup.length) return law.set(ids.join(), mass)
  for (const [id, q] of targetBehind(setup, ids).entries()) expected(setup, [...ids, id], mass * q, law)
  return law
}

const setups: readonly Setup[] = [
  { size: 4, drafts: 1, length: 2, support: 4 },
  { size: 3, drafts: 2, length: 3, support: 3 },
  { size: 5, drafts: 3, length: 1, support: 5 },
  { size: 5, drafts: 3, length: 1, support: 3 },
  { size: 4, drafts: 4, length: 1, support: 4, slack: 0.2 },
  { size: 3, drafts: 3, length: 2, support: 3 },
  { size: 3, drafts: 2, length: 2, support: 2, slack: 0.3 },
  { size: 4, drafts: 2, length: 2, support: 3, slack: 0.05 },
]

for (const setup of setups)
  test(`${JSON.stringify(setup)}: the emitted tokens have the target's law, and what was looked at is counted`, async () => {
    const outcomes = await enumerated((chance) => answered(setup, chance))
    assertSameLaw(
      lawOf(outcomes, ({ ids }) => ids.join()),
      expected(setup),
      1e-12,
    )
    for (const { result } of outcomes) {
      const { tokens, examined, accepted, firstLooked, firstTaken, furtherLooked, furtherTaken } = result.verified
      assert.equal(examined, tokens.length)
      assert.ok(examined - accepted <= 1, 'a round goes on behind what was taken only')
      assert.equal(accepted, firstTaken + furtherTaken)
      assert.equal(firstLooked, examined)
      assert.ok(furtherTaken <= furtherLooked && furtherLooked <= (examined - firstTaken) * (setup.drafts - 1))
    }
  })

test('of one draft the share that is taken is 1 - TV; a further one is looked at after a rejection only', async () => {
  const setup: Setup = { size: 4, drafts: 3, length: 1, support: 4 }
  const outcomes = await enumerated((chance) => answered(setup, chance))
  const [q, d] = [targetBehind(setup, []), lawBehind('draft', 4, [])]
  const overlap = q.reduce((sum, value, id) => sum + Math.min(value, d[id]!), 0)
  assertNear(
    mean(outcomes, ({ verified }) => verified.firstTaken),
    overlap,
    1e-12,
  )
  for (const { result } of outcomes) {
    const { firstTaken, furtherLooked, furtherTaken, accepted } = result.verified
    if (firstTaken === 1) assert.deepEqual([furtherLooked, furtherTaken, accepted], [0, 0, 1])
    else assert.ok(furtherTaken === 1 ? furtherLooked >= 1 && accepted === 1 : furtherLooked === 2 && accepted === 0)
  }
  assert.ok(mean(outcomes, ({ verified }) => verified.accepted) > overlap + 0.01)
})
