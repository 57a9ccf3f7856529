import { postJson } from '../http-client.ts'

/**
 * Guidance by one HTTP call to the base and one to the guide for each token, as a client of two engines does it: the most likely tokens of
 * both, added where both report them, one drawn, the prompt sent anew.
 */
export interface TwoEngines {
  /** vLLM servers of one vocabulary, and the names of their models. */
  readonly base: { readonly url: string; readonly model: string }
  readonly guide: { readonly url: string; readonly model: string }
  readonly weight: number
}

const top = 64

interface Completion {
  readonly choices: readonly { readonly logprobs: { readonly top_logprobs: readonly Record<string, number>[] } }[]
}

/** Log-probabilities of the next token by `token_id:N`. */
async function nextToken({ url, model }: TwoEngines['base'], prompt: readonly number[]) {
  const reply = (await postJson(`${url}/v1/completions`, {
    model,
    prompt,
    max_tokens: 1,
    temperature: 1,
    logprobs: top,
    return_tokens_as_token_ids: true,
    ignore_eos: true,
  })) as Completion
  return reply.choices[0]!.logprobs.top_logprobs[0]!
}

function draw(base: Record<string, number>, guide: Record<string, number>, weight: number): number {
  const tokens = Object.keys(base).filter((token) => guide[token] !== undefined)
  const among = tokens.length > 0 ? tokens : Object.keys(base)
  const masses = among.map((token) => Math.exp(base[token]! + weight * (guide[token] ?? 0)))
  let left = Math.random() * masses.reduce((sum, mass) => sum + mass, 0)
  let at = 0
  while (at < among.length - 1 && left > masses[at]!) left -= masses[at++]!
  return Number(among[at]!.slice('token_id:'.length))
}

/** One answer of `tokens` tokens. @returns how many were drawn */
export async function answerByTwoCalls(engines: TwoEngines, text: string, tokens: number): Promise<number> {
  const messages = [{ role: 'user', content: text }]
  const { base, guide, weight } = engines
  const prompt = (await postJson(`${base.url}/tokenize`, { model: base.model, messages })) as { tokens: number[] }
  const sequence = [...prompt.tokens]
  for (let drawn = 0; drawn < tokens; drawn++) {
    const [ours, theirs] = await Promise.all([nextToken(base, sequence), nextToken(guide, sequence)])
    sequence.push(draw(ours, theirs, weight))
  }
  return tokens
}
