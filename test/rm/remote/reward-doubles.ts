import { z } from 'zod'

/** The score that every double gives a text: some number with two decimals that is the text's own. */
export function scoreOf(text: string): number {
  let sum = 7
  for (const byte of Buffer.from(text)) sum = (sum * 31 + byte) % 1009
  return sum / 100 - 5
}

/** The same between 0 and 1. */
export const shareOf = (text: string): number => (scoreOf(text) + 5) / 10.1

/** A reply in the shape that was recorded of the server, with the places that a fault changes. */
export interface DoubleReply {
  readonly json: unknown
  /** The list that has one entry for each answer, and how an entry's number is set. */
  readonly list: unknown[]
  readonly put: (entry: never, value: unknown) => void
  /** Makes it one of another model, where the format can tell. */
  readonly relabel?: () => void
}

export interface RewardDouble {
  readonly options: Readonly<Record<string, unknown>>
  readonly path: string
  /** Refuses fields it does not know. */
  readonly body: z.ZodType
  reply(body: never): DoubleReply
}

const usage = { prompt_tokens: 9, total_tokens: 9 }

interface Row {
  [key: string]: unknown
}

/** Servers that sort do so by score, so that the order of the answers is lost. */
const sorted = <Entry>(entries: Entry[], by: (entry: Entry) => number): Entry[] => entries.sort((a, b) => by(b) - by(a))

interface VllmBody {
  readonly input: readonly string[]
  readonly messages?: readonly { readonly content: string }[]
}

const textsOf = ({ input, messages }: VllmBody): readonly string[] =>
  messages === undefined ? input : [messages.map(({ content }) => content).join('\n')]

const texts = z.array(z.string()).min(1)
const vllmInput = {
  model: z.literal('rm'),
  input: texts.optional(),
  messages: z.array(z.object({ role: z.string(), content: z.string() })).optional(),
  add_generation_prompt: z.literal(false).optional(),
  continue_final_message: z.boolean().optional(),
  use_activation: z.boolean(),
}

const vllmClassify: RewardDouble = {
  options: { format: 'vllm-classify', model: 'rm' },
  path: '/classify',
  body: z.strictObject({ ...vllmInput, use_activation: z.literal(false) }),
  reply(body: VllmBody) {
    const list: Row[] = textsOf(body).map((text, index) => ({
      index,
      label: null,
      probs: [scoreOf(text)],
      num_classes: 1,
    }))
    const json = { id: 'classify-1', object: 'list', created: 1, model: 'rm', data: list, usage }
    return {
      json,
      list,
      put: (entry: Row, value) => {
        entry['probs'] = [value]
      },
      relabel: () => widen(list, 'probs'),
    }
  },
}

function widen(list: readonly Row[], key: string): void {
  for (const entry of list) entry[key] = [...(entry[key] as unknown[]), 0.25]
}

const pooling = (level: string, dataOf: (text: string) => unknown, extra: Row = {}): RewardDouble => ({
  options: { format: 'vllm-pooling', model: 'rm', level, ...extra },
  path: '/pooling',
  body: z.strictObject({ ...vllmInput, encoding_format: z.literal('float') }),
  reply(body: VllmBody) {
    const list: Row[] = textsOf(body).map((text, index) => ({ index, object: 'pooling', data: dataOf(text) }))
    const json = { id: 'pool-1', object: 'list', data: list, usage }
    const put = (entry: Row, value: unknown) => {
      entry['data'] = level === 'sequence' ? [value] : [[value]]
    }
    const relabel = () => {
      for (const entry of list) entry['data'] = level === 'sequence' ? [0.1, 0.2] : [[0.1, 0.2]]
    }
    return { json, list, put, relabel }
  },
})

const vllmScore: RewardDouble = {
  options: { format: 'vllm-score', model: 'rm' },
  path: '/v1/score',
  body: z.strictObject({
    model: z.literal('rm'),
    queries: z.string(),
    documents: texts,
    use_activation: z.literal(false),
  }),
  reply({ queries, documents }: { queries: string; documents: readonly string[] }) {
    const list: Row[] = documents.map((text, index) => ({ index, object: 'score', score: scoreOf(queries + text) }))
    return {
      json: { id: 'score-1', object: 'list', data: list, usage },
      list,
      put: (entry: Row, value) => {
        entry['score'] = value
      },
    }
  },
}

const sglangClassify: RewardDouble = {
  options: { format: 'sglang-classify', reads: 'joined' },
  path: '/classify',
  body: z.strictObject({ text: texts }),
  reply({ text }: { text: readonly string[] }) {
    const list: Row[] = text.map((one) => ({ embedding: [scoreOf(one)], meta_info: { id: '1', prompt_tokens: 3 } }))
    const put = (entry: Row, value: unknown) => {
      entry['embedding'] = [value]
    }
    return { json: list, list, put, relabel: () => widen(list, 'embedding') }
  },
}

const sglangScore: RewardDouble = {
  options: { format: 'sglang-score', model: 'rm', label_token_ids: [9454, 2753], item: '{answer}\nIs this right?' },
  path: '/v1/score',
  body: z.strictObject({
    model: z.literal('rm'),
    query: z.string(),
    items: texts,
    label_token_ids: z.array(z.int()).length(2),
    apply_softmax: z.literal(true),
    item_first: z.literal(false),
  }),
  reply({ query, items }: { query: string; items: readonly string[] }) {
    const list: number[][] = items.map((item) => {
      const share = shareOf(query + item)
      return [share, 1 - share]
    })
    const put = (entry: unknown[], value: unknown) => {
      entry[0] = value
    }
    const relabel = () => {
      for (const row of list) row.push(0)
    }
    return { json: { scores: list, model: 'rm', usage: null, object: 'scoring' }, list, put, relabel }
  },
}

const teiPredict: RewardDouble = {
  options: { format: 'tei-predict', label: 'good' },
  path: '/predict',
  body: z.strictObject({
    inputs: z.array(z.tuple([z.string(), z.string()])),
    raw_scores: z.literal(true),
    truncate: z.literal(false),
  }),
  reply({ inputs }: { inputs: readonly (readonly [string, string])[] }) {
    const list = inputs.map(([prompt, text]) => {
      const labels: Row[] = [
        { label: 'good', score: scoreOf(prompt + text) },
        { label: 'bad', score: 0 },
      ]
      return sorted(labels, ({ score }) => score as number)
    })
    const put = (entry: Row[], value: unknown) => {
      for (const one of entry) if (one['label'] === 'good') one['score'] = value
    }
    const relabel = () => {
      for (const one of list.flat()) one['label'] = `LABEL_${one['label'] === 'good' ? 1 : 0}`
    }
    return { json: list, list, put, relabel }
  },
}

const teiRerank: RewardDouble = {
  options: { format: 'tei-rerank' },
  path: '/rerank',
  body: z.strictObject({
    query: z.string(),
    texts,
    raw_scores: z.literal(true),
    return_text: z.literal(false),
    truncate: z.literal(false),
  }),
  reply({ query, texts: given }: { query: string; texts: readonly string[] }) {
    const list: Row[] = sorted(
      given.map((text, index) => ({ index, score: scoreOf(query + text) })),
      ({ score }) => score,
    )
    return {
      json: list,
      list,
      put: (entry: Row, value) => {
        entry['score'] = value
      },
    }
  },
}

const llamaRerank: RewardDouble = {
  options: { format: 'llama-rerank' },
  path: '/v1/rerank',
  body: z.strictObject({ query: z.string(), documents: texts, top_n: z.int() }),
  reply({ query, documents }: { query: string; documents: readonly string[] }) {
    const list: Row[] = sorted(
      documents.map((text, index) => ({ index, relevance_score: scoreOf(query + text) })),
      (entry) => entry.relevance_score,
    )
    const json = { model: 'rm', object: 'list', usage, results: list }
    return {
      json,
      list,
      put: (entry: Row, value) => {
        entry['relevance_score'] = value
      },
    }
  },
}

const trtllmLogits: RewardDouble = {
  options: { format: 'trtllm-logits', model: 'rm', reads: 'joined' },
  path: '/v1/completions',
  body: z.strictObject({
    model: z.literal('rm'),
    prompt: texts,
    max_tokens: z.literal(1),
    return_context_logits: z.literal(true),
  }),
  reply({ prompt }: { prompt: readonly string[] }) {
    const list: Row[] = prompt.map((text, index) => {
      return { index, text: '', context_logits: [[0.5], [scoreOf(text)]], finish_reason: 'length' }
    })
    const put = (entry: Row, value: unknown) => {
      entry['context_logits'] = [[0.5], [value]]
    }
    const relabel = () => {
      for (const entry of list) entry['context_logits'] = [[0.5, 1, 2]]
    }
    return { json: { id: 'cmpl-1', object: 'text_completion', choices: list, usage }, list, put, relabel }
  },
}

const openrlhf: RewardDouble = {
  options: { format: 'openrlhf' },
  path: '/get_reward',
  body: z.strictObject({ query: texts, prompts: texts, labels: z.array(z.string()) }),
  reply({ query }: { query: readonly string[] }) {
    const list: unknown[] = query.map(scoreOf)
    const put = (entry: unknown, value: unknown) => void list.splice(list.indexOf(entry), 1, value)
    return { json: { rewards: list, scores: list, extra_logs: {} }, list, put }
  },
}

const trimtab: RewardDouble = {
  options: { format: 'trimtab', reward: 'sentiment' },
  path: '/v1/rewards',
  body: z.strictObject({
    reward: z.literal('sentiment'),
    messages: z.array(z.object({ role: z.string(), content: z.string() })).min(1),
    responses: z.array(z.string()).min(1),
    references: z.array(z.string()).optional(),
  }),
  reply({ messages, responses }: { messages: readonly { content: string }[]; responses: readonly string[] }) {
    const list: Row[] = responses.map((text, index) => ({ index, score: scoreOf(messages[0]!.content + text) }))
    const json = { object: 'list', reward: 'sentiment', data: list, usage: { answers: list.length } }
    return {
      json,
      list,
      put: (entry: Row, value) => {
        entry['score'] = value
      },
    }
  },
}

const chatBody = z.strictObject({
  model: z.literal('judge'),
  messages: z.tuple([
    z.object({ role: z.literal('system'), content: z.string().regex(/Be brief\./) }),
    z.object({ role: z.literal('user'), content: z.string() }),
  ]),
  temperature: z.literal(0),
  max_tokens: z.int(),
  n: z.literal(1),
  stream: z.literal(false),
})

type ChatBody = z.output<typeof chatBody>

function judge(format: string, lineOf: (asked: string) => string, wordOf: (value: unknown) => string): RewardDouble {
  return {
    options: { format, model: 'judge', rubric: 'Be brief.' },
    path: '/v1/chat/completions',
    body: chatBody,
    reply({ messages }: ChatBody) {
      const content = `It is what it is.\n${lineOf(messages[1].content)}\n`
      const list: Row[] = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }]
      const put = (entry: Row, value: unknown) => {
        entry['message'] = { role: 'assistant', content: value === null ? null : wordOf(value) }
      }
      const relabel = () => {
        for (const entry of list) put(entry, 'Score: 11')
      }
      return { json: { id: 'chatcmpl-1', object: 'chat.completion', choices: list, usage }, list, put, relabel }
    },
  }
}

const between = (tag: string, text: string): string => text.split(`<${tag}>\n`)[1]!.split(`\n</${tag}>`)[0]!

export const judgedScore = (answer: string): number => 1 + Math.round(shareOf(answer) * 90) / 10

export const judgedWinner = (a: string, b: string): string => {
  if (scoreOf(a) === scoreOf(b)) return 'tie'
  return scoreOf(a) > scoreOf(b) ? 'A' : 'B'
}

const judgeScore = judge(
  'judge-score',
  (asked) => `Score: ${judgedScore(between('answer', asked))}`,
  (value) => (String(value).startsWith('Score') ? String(value) : `Score: ${value}`),
)

const judgePairwise = judge(
  'judge-pairwise',
  (asked) => `Winner: ${judgedWinner(between('answer_a', asked), between('answer_b', asked))}`,
  (value) => `Winner: ${value}`,
)

/** Each format's server, by a name for its tests. */
export const rewardDoubles: Readonly<Record<string, RewardDouble>> = {
  'vllm-classify': vllmClassify,
  'vllm-pooling': pooling('sequence', (text) => [scoreOf(text)]),
  'vllm-pooling of tokens': pooling('token', (text) => [[0.5], [scoreOf(text)]]),
  'vllm-pooling of steps': pooling('step', (text) => [[shareOf(text)], [1]], { aggregate: 'product' }),
  'vllm-score': vllmScore,
  'sglang-classify': sglangClassify,
  'sglang-score': sglangScore,
  'tei-predict': teiPredict,
  'tei-rerank': teiRerank,
  'llama-rerank': llamaRerank,
  'trtllm-logits': trtllmLogits,
  openrlhf,
  trimtab,
  'judge-score': judgeScore,
  'judge-pairwise': judgePairwise,
}
