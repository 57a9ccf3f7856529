import type { Config } from './config.ts'
import { servedModels } from './config-references.ts'

/** A plain and an aligned request that suit what is served, as curl commands to paste. */
export function toTryLines(config: Config, url: string): string {
  const [model = ''] = servedModels(config)
  const lines = Object.hasOwn(config.guides, 'positive') ? tinyRequests(model, config) : principleRequests(model)
  return ['Try it:', ...lines.map(({ label, body }) => `\n# ${label}\n${curl(url, body)}`)].join('\n')
}

interface TryLine {
  readonly label: string
  readonly body: object
}

function tinyRequests(model: string, config: Config): readonly TryLine[] {
  const review = { model, messages: [{ role: 'user', content: 'Write a review of the Abbey Hotel.' }], stream: true }
  const sum = { model, messages: [{ role: 'user', content: 'What is 47 + 7 + 7?' }] }
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
  ]
}

function principleRequests(model: string): readonly TryLine[] {
  const question = {
    model,
    messages: [{ role: 'user', content: 'Why is the sky blue?' }],
    stream: true,
    temperature: 0,
    max_tokens: 200,
  }
  const principle = { principle: 'Answer in one short sentence.', weight: 1.5 }
  return [
    { label: 'plain', body: question },
    { label: 'aligned: a principle, no training', body: { ...question, alignment: { guides: [principle] } } },
  ]
}

function curl(url: string, body: object): string {
  const quoted = JSON.stringify(body).replaceAll("'", "'\\''")
  return `curl -N ${url}/v1/chat/completions -H 'Content-Type: application/json' -d '${quoted}'`
}
