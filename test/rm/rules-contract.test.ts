import { arithmeticReward } from '../../src/rm/arithmetic.ts'
import { bleuReward } from '../../src/rm/bleu.ts'
import { combinationReward } from '../../src/rm/combination.ts'
import { jsonSchemaReward } from '../../src/rm/json-schema.ts'
import { lengthReward } from '../../src/rm/length.ts'
import { regexReward } from '../../src/rm/regex.ts'
import { checkedReward } from '../../src/rm/reward-verdicts.ts'
import { rewardContract } from './reward-contract.ts'

const length = lengthReward('length', 'words', { min: 2, max: 5 }, undefined)
const regex = regexReward('regex', { pattern: 'the', flags: 'i', score: 'count' })
const bleu = bleuReward('bleu')

rewardContract('length', () => length)
rewardContract('regex', () => regex)
rewardContract('json', () => jsonSchemaReward('json', { type: 'object' }))
rewardContract('arithmetic, steps', () => arithmeticReward('sums', 'steps'))
rewardContract('arithmetic, sound', () => arithmeticReward('sums', 'sound'))
rewardContract('bleu', () => bleu)
const parts = [
  { reward: length, weight: 0.7 },
  { reward: regex, weight: -0.3 },
]
rewardContract('combination', () => combinationReward('both', parts, { zScore: false }))
rewardContract('combination, z-scored', () => combinationReward('both', parts, { zScore: true }), { tolerance: 1e-9 })
rewardContract('combination with a part for whole answers', () =>
  combinationReward('both', [...parts, { reward: bleu, weight: 1 }], { zScore: false }),
)
rewardContract('checked', () => checkedReward(length))
