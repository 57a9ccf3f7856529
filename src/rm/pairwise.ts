import type { ClassifierInput } from '../decoding/checkpoint/classifier-tokenizer.ts'
import { CheckpointError } from '../decoding/errors.ts'
import type { LoadedClassifier } from '../decoding/local/classifier.ts'
import { conversationText, fitted, framedText, numbersOf } from './classifier-text.ts'
import type { Question, Reward } from './reward.ts'
import { RewardError } from './reward-error.ts'
import { refuseUnfinished } from './reward-verdicts.ts'
import { inTimeSlices } from './time-slices.ts'
import { tokenAtEnd, tokenEnds } from './token-ends.ts'

export interface PairwiseOptions {
  /**
   * P(i over j) = sigmoid(s / temperature)
   *
   * @default 0.1
   */
  readonly temperature?: number | undefined
}

/**
 * A general preference model (arXiv 2410.02197): every answer has an embedding, two of them a skew-symmetric score, and an
 * answer's verdict is its mean win rate over the others given with it (Borda), so that preferences in a circle have a winner
 * too. An answer alone wins one half.
 * @throws CheckpointError for a classifier of another kind
 */
export function pairwiseReward(name: string, gpm: LoadedClassifier, options: PairwiseOptions = {}): Reward {
  const temperature = options.temperature ?? 0.1
  if (gpm.kind !== 'preference')
    throw new CheckpointError(gpm.source, `it has no preference embedding, which the reward '${name}' reads`)
  if (!(temperature > 0))
    throw new TypeError(`The reward '${name}': a temperature of ${temperature}; it must be positive.`)
  const dimensions = gpm.labels.length
  const width = dimensions + gpm.promptOutputs
  return {
    name,
    traits: { partial: false, range: [0, 1], relative: true },
    async score(question, answers, signal) {
      signal.throwIfAborted()
      if (answers.length === 0) return []
      refuseUnfinished(name, answers)
      const readings = await inTimeSlices(answers, signal, ({ text }) => readAnswer(name, gpm, question, text))
      const inputs = readings.map(({ input }) => input)
      const count = ({ ids }: ClassifierInput) => ids.length * width
      const all = await numbersOf(name, inputs, signal, (input) => gpm.everywhere(input), count)
      const embeddings = all.map((numbers) =>
        unit(name, numbers.subarray(numbers.length - width).subarray(0, dimensions)),
      )
      const scalesOf = (numbers: Float32Array, { promptEnd }: { promptEnd: number }) => {
        const at = promptEnd * width + dimensions
        return softmax(numbers.subarray(at, at + gpm.promptOutputs))
      }
      const scales = gpm.promptOutputs > 0 ? all.map((numbers, i) => scalesOf(numbers, readings[i]!)) : undefined
      const scores = meanWinRates(preferenceScores(embeddings, scales), temperature)
      return scores.map((score) => ({ score, attributes: undefined, steps: undefined }))
    },
  }
}

/** The template's text without BOS, its last token the end of sequence: as the model was trained and evaluated. */
function readAnswer(name: string, gpm: LoadedClassifier, question: Question, answer: string) {
  const { tokenizer, bosToken, eosToken } = gpm
  const plain = withoutStart(conversationText(gpm, question, answer).text, bosToken).replace(/\n+$/, '')
  const text = eosToken === undefined || plain.endsWith(eosToken) ? plain : `${plain} ${eosToken}`
  const input = fitted(name, gpm, text, () => tokenizer.encode(text, false))
  if (gpm.promptOutputs === 0) return { input, promptEnd: 0 }
  const prompt = withoutStart(framedText(name, gpm, question, answer).before, bosToken)
  return { input, promptEnd: promptEnd(name, gpm, prompt, text, input) }
}

const withoutStart = (text: string, start = ''): string => (text.startsWith(start) ? text.slice(start.length) : text)

/** The prompt's last token. */
function promptEnd(
  name: string,
  gpm: LoadedClassifier,
  prompt: string,
  text: string,
  { ids }: ClassifierInput,
): number {
  const { bytesOf, specialIds } = gpm.tokenizer
  const ends = bytesOf === undefined ? undefined : tokenEnds(text, ids, bytesOf, specialIds)
  if (ends === undefined)
    throw new RewardError(name, "its tokens do not spell the text, so that the prompt's last is unknown")
  return tokenAtEnd(ends, prompt)
}

function unit(name: string, vector: Float32Array): number[] {
  const norm = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0))
  if (!(norm > 0)) throw new RewardError(name, 'an embedding of zeros has no direction')
  return Array.from(vector, (value) => value / norm)
}

function softmax(logits: Float32Array): number[] {
  const top = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp(logit - top))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

/**
 * s(i over j) = sum over planes l of scale_l (v_i[2l] v_j[2l+1] - v_i[2l+1] v_j[2l]): skew-symmetric, so no answer beats itself.
 * @param scales of the planes, for each answer; they come from the prompt and differ by rounding only, so a pair takes the
 * mean of its two. All 1 if undefined
 */
export function preferenceScores(
  embeddings: readonly (readonly number[])[],
  scales: readonly (readonly number[])[] | undefined,
): number[][] {
  const score = (i: number, j: number) => {
    const [a, b] = [embeddings[i]!, embeddings[j]!]
    const scale = (l: number) => (scales === undefined ? 1 : (scales[i]![l]! + scales[j]![l]!) / 2)
    let sum = 0
    for (let l = 0; 2 * l + 1 < a.length; l++) sum += scale(l) * (a[2 * l]! * b[2 * l + 1]! - a[2 * l + 1]! * b[2 * l]!)
    return sum
  }
  return embeddings.map((_, i) => embeddings.map((_, j) => score(i, j)))
}

/** Borda: each one's mean probability of being preferred to another; 0.5 for one alone. They sum to half their number. */
export function meanWinRates(scores: readonly (readonly number[])[], temperature: number): number[] {
  const others = scores.length - 1
  if (others === 0) return [0.5]
  return scores.map((row, i) => {
    const wins = row.filter((_, j) => j !== i).map((score) => 1 / (1 + Math.exp(-score / temperature)))
    // smallest first: the sum is the same to the bit whatever the order of the answers
    return wins.sort((a, b) => a - b).reduce((sum, win) => sum + win, 0) / others
  })
}
