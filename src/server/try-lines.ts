import type { Config } from './config.ts'
import { servedModels, upstreamModels } from './configured-models.ts'

/** A plain and an aligned request that suit what is served, as curl commands to paste. */
export function toTryLines(config: Config, url: string): string {
  const [model = ''] = servedModels(config)
  const isFamily = model === 'tiny' && Object.hasOwn(config.guides, 'positive')
  const isUpstreams = Object.hasOwn(upstreamModels(config), model)
  if (isUpstreams) return `Try it:\n\n# passed through to an upstream\n${curl(url, question(model))}`
  const lines = isFamily ? tinyRequests(model, config) : realRequests(model, config)
  return ['Try it:', ...lines.map(({ label, body }) => `\n# ${label}\n${curl(url, body)}`)].join('\n')
}

interface TryLine {
  readonly label: string
  readonly body: object
}

function tinyRequests(model: string, config: Config): readonly TryLine[] {
  const review = { model, messages: [{ role: 'user', content: 'Write a review of the Abbey Hotel.' }], stream: true }
  const sum = { model, messages: [{ role: 'user', content: 'What is 47 + 7 + 7?' }] }
  const particles = { alignment: { particles: { n: 8, reward: 'steps', lambda: 8, at: 'sentence' } } }
  const reasoner = { alignment: { guides: [{ guide: 'reasoner', weight: 1 }] } }
  return [
    { label: 'plain', body: review },
    {
      label: 'aligned: a guide tilts every token towards praise',
      body: { ...review, alignment: { guides: [{ guide: 'positive', weight: 1 }] } },
    },
    ...(Object.hasOwn(config.guides, 'reasoner')
      ? [{ label: 'aligned: a small reasoning module makes the sum right', body: { ...sum, ...reasoner } }]
      : []),
    ...(Object.hasOwn(config.rewards, 'steps')
      ? [{ label: 'aligned: particles, judged step by step', body: { ...sum, stream: true, ...particles } }]
      : []),
  ]
}

function realRequests(model: string, config: Config): readonly TryLine[] {
  const guide = guideOf(model, config)
  const principle = { principle: 'Answer in one short sentence.', weight: 1.5 }
  return [
    { label: 'plain', body: question(model) },
    ...(guide === undefined
      ? []
      : [
          {
            label: `aligned: the guide ${guide}`,
            body: { ...question(model), alignment: { guides: [{ guide, weight: 1 }] } },
          },
        ]),
    { label: 'aligned: a principle, no training', body: { ...question(model), alignment: { guides: [principle] } } },
  ]
}

function question(model: string) {
  const messages = [{ role: 'user', content: 'What does a heart do?' }]
  return { model, messages, stream: true, temperature: 0, max_tokens: 200 }
}

/** The first guide that is not another model's adapter. */
function guideOf(model: string, config: Config): string | undefined {
  const fitting = Object.entries(config.guides).find(([, guide]) => {
    return !('kind' in guide) || guide.base === undefined || guide.base === model
  })
  return fitting?.[0]
}

function curl(url: string, body: object): string {
  const quoted = JSON.stringify(body).replaceAll("'", "'\\''")
  return `curl -N ${url}/v1/chat/completions -H 'Content-Type: application/json' -d '${quoted}'`
}
