/**
 * KL(best-of-n || base) by the levels of the reward, in nats, with the base's law taken from samples of it: ties leave it below
 * log n - (n - 1) / n, and without ties it is that.
 */
export function levelDivergence(samples: readonly number[], n: number): number {
  const levels = [...new Set(samples)]
  return levels.reduce((sum, level) => {
    const { below, upTo } = shares(level, samples)
    const chosen = upTo ** n - below ** n
    return chosen === 0 ? sum : sum + chosen * Math.log(chosen / (upTo - below))
  }, 0)
}

/**
 * log of best-of-n's probability over the base's of an answer of this reward; its mean over best-of-n's answers estimates
 * KL(best-of-n || base). A level that samples of the base share has its law from them; any other is taken as one of a
 * continuous law, n F^(n - 1), where harmonic numbers estimate log F without bias.
 */
export function chosenLogRatio(reward: number, samples: readonly number[], n: number): number {
  const { below, upTo } = shares(reward, samples)
  if (upTo > below) return Math.log((upTo ** n - below ** n) / (upTo - below))
  const worse = Math.round(below * samples.length)
  return Math.log(n) - (n - 1) * harmonic(worse, samples.length)
}

function shares(level: number, samples: readonly number[]): { readonly below: number; readonly upTo: number } {
  const share = (holds: (sample: number) => boolean) => samples.filter(holds).length / samples.length
  return { below: share((sample) => sample < level), upTo: share((sample) => sample <= level) }
}

/** 1 / (from + 1) + ... + 1 / to */
function harmonic(from: number, to: number): number {
  let sum = 0
  for (let i = from + 1; i <= to; i++) sum += 1 / i
  return sum
}
