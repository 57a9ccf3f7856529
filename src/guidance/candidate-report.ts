import type { FinishReason, TokenDraw } from '../decoding/decoder.ts'
import type { CandidateReport } from './strategy.ts'

/** A whole answer that selection may choose, however it came about. */
export interface Candidate {
  readonly text: string
  readonly draws: readonly TokenDraw[]
  readonly endDraw: TokenDraw | undefined
  readonly finishReason: FinishReason | undefined
  readonly generatedTokens: number
  readonly finished: boolean
}

/** What selection found out about a candidate. */
export interface Finding {
  score: number | undefined
  /** Whether the score is that of the finished answer, not of its beginning. */
  judgedWhole: boolean
  vote: string | undefined
  prunedAt: number | undefined
}

export const noFinding = (): Finding => ({ score: undefined, judgedWhole: false, vote: undefined, prunedAt: undefined })

/** Natural log of the probability of everything drawn for the answer, under the law it was drawn from. */
export const logProbabilityOf = ({ draws, endDraw }: Candidate): number =>
  draws.reduce((sum, draw) => sum + draw.logprob, endDraw?.logprob ?? 0)

export const candidateReport = (candidate: Candidate, finding: Finding, chosen: boolean): CandidateReport => ({
  text: candidate.text,
  score: finding.score,
  finishReason: candidate.finishReason,
  tokens: candidate.generatedTokens,
  prunedAt: finding.prunedAt,
  vote: finding.vote,
  chosen,
})
