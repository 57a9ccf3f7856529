// Bodies for the embedded family, one function a method. Weights are drawn anew for each request, as end users would set them.

const reviews = ['Abbey Hotel', 'Corner Café', 'Nova 5 headphones', 'Lakeside Inn', 'Bean & Leaf', 'Volt charger']
const review = () => `Write a review of the ${reviews[Math.floor(Math.random() * reviews.length)]}.`
const digit = () => 1 + Math.floor(Math.random() * 9)
const sum = () => `What is ${digit()} + ${digit()} + ${digit()}?`
const between = (low, high) => Math.round((low + Math.random() * (high - low)) * 100) / 100

const guide = (name, low, high) => ({ guide: name, weight: between(low, high) })

/** Prompt and `alignment` by method. */
export const methods = {
  plain: () => ({ prompt: review() }),
  genarm: () => ({ prompt: review(), alignment: { guides: [guide('positive', -1, 2)] } }),
  unir: () => ({ prompt: sum(), alignment: { guides: [guide('reasoner', 0, 1.5)] } }),
  composed: () => ({
    prompt: review(),
    alignment: { guides: [guide('positive', -1, 2), guide('concise', -1, 1), guide('formal', -1, 1)] },
  }),
  principle: () => ({
    prompt: review(),
    alignment: { guides: [{ principle: 'Answer in one short sentence.', weight: between(0, 2) }] },
  }),
  best_of: () => ({ prompt: sum(), alignment: { best_of: { n: 4, reward: 'steps' } } }),
  particles: () => ({
    prompt: sum(),
    alignment: { particles: { n: 4, reward: 'steps', lambda: between(1, 8), at: 'sentence' } },
  }),
  search: () => ({
    prompt: sum(),
    alignment: { search: { method: 'beam', reward: 'steps', at: 'sentence', width: 2, branch: 2 } },
  }),
}

/** The share of each method in mixed load. */
export const mix = [
  ['plain', 0.4],
  ['genarm', 0.2],
  ['composed', 0.1],
  ['unir', 0.1],
  ['principle', 0.05],
  ['best_of', 0.05],
  ['particles', 0.05],
  ['search', 0.05],
]

/** One of the mix's methods, as often as its share. */
export function drawMethod() {
  let left = Math.random()
  for (const [name, share] of mix) {
    left -= share
    if (left < 0) return name
  }
  return mix[0][0]
}

/** A streamed chat request. */
export function chatBody(method, maxTokens = 64) {
  const { prompt, alignment } = methods[method]()
  return {
    model: 'tiny',
    messages: [{ role: 'user', content: prompt }],
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: maxTokens,
    ...(alignment === undefined ? {} : { alignment }),
  }
}
