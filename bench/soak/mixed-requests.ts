/** What requests may name. */
export interface ServedNames {
  readonly model: string
  readonly guides: readonly string[]
  readonly rewards: readonly string[]
}

export async function servedNames(url: string): Promise<ServedNames> {
  const list = (await (await fetch(`${url}/v1/models`)).json()) as { data: { id: string }[] }
  const model = list.data[0]!.id
  const probe = await post(url, {
    model,
    messages: [{ role: 'user', content: 'x' }],
    alignment: { guides: [{ guide: '?' }] },
  })
  const { error } = (await probe.json()) as { error: { message: string } }
  const names = /guides?:? ([^.]*)\.?$/i.exec(error.message)?.[1] ?? ''
  const rewards = (await (await fetch(`${url}/v1/rewards`)).json()) as { data: { id: string }[] }
  return {
    model,
    guides: names.split(', ').filter((name) => /^[\w-]+$/.test(name)),
    // what compares with references needs them in the request
    rewards: rewards.data.map(({ id }) => id).filter((id) => id !== 'bleu'),
  }
}

export const post = (url: string, body: object, signal?: AbortSignal): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  })

/** Everything varies with the index alone, so that two runs send the same requests. */
export function requestOf(index: number, { model, guides, rewards }: ServedNames): object {
  const weights = [0.5, 1, -0.5]
  const guide = guides[index % Math.max(1, guides.length)]
  const whole = wholeAnswer(index, rewards[index % Math.max(1, rewards.length)])
  return {
    model,
    seed: index,
    stream: index % 2 === 0,
    max_tokens: 8 + (index % 40),
    n: index % 11 === 0 ? 3 : 1,
    temperature: index % 7 === 0 && whole === undefined ? 0 : 1,
    ...(index % 5 === 1 ? { top_p: 0.9, stop: ['the'] } : {}),
    ...(index % 13 === 0 ? { frequency_penalty: 0.5 } : {}),
    ...(index % 6 === 2 ? { logprobs: true, top_logprobs: 3 } : {}),
    messages: [{ role: 'user', content: `Write a review. ${'It was a long day. '.repeat(index % 17)}` }],
    ...(whole !== undefined || (index % 3 !== 0 && guide !== undefined)
      ? {
          alignment: {
            ...(guide === undefined ? {} : { guides: [{ guide, weight: weights[index % 3]! }] }),
            ...whole,
            trace: index % 4 === 0,
          },
        }
      : {}),
  }
}

/** For three of eight requests a method that decodes several answers. */
function wholeAnswer(index: number, reward: string | undefined): object | undefined {
  if (reward === undefined) return undefined
  if (index % 8 === 1) return { best_of: { n: 4, reward, prune: { at: [6, 12] } } }
  if (index % 8 === 4) return { particles: { n: 4, reward, resample_every: 6 } }
  if (index % 8 === 6) return { search: { method: 'beam', reward, at: 'tokens', step_tokens: 6, width: 2, branch: 2 } }
  return undefined
}
