import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { fieldProblems } from '../field-problem.ts'
import { parseContext } from '../field-wording.ts'
import { ClientError } from './client-error.ts'
import type { GatewayClient } from './gateway-client.ts'
import { type ServerFlags, withServer } from './server-choice.ts'

export interface ScoreFlags extends ServerFlags {
  readonly reward?: string
  readonly prompt?: string
  readonly reference?: readonly string[]
  readonly input?: string
  readonly output?: string
  readonly json?: true
  readonly list?: true
}

/** A line of the input; other fields are kept and come back. */
const scoredLine = z
  .looseObject({
    reward: z.union([z.string(), z.record(z.string(), z.number())]).optional(),
    prompt: z.string().optional(),
    messages: z.array(z.unknown()).optional(),
    response: z.string().optional(),
    responses: z.array(z.string()).min(1).optional(),
    references: z.array(z.string()).optional(),
  })
  .refine(({ response, responses }) => (response === undefined) !== (responses === undefined), {
    path: ['response'],
    message: 'give either response or responses',
  })
  .refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), {
    path: ['prompt'],
    message: 'give either prompt or messages',
  })

type ScoredLine = z.output<typeof scoredLine>

const verdicts = z.object({ reward: z.string(), data: z.array(z.looseObject({ score: z.number() })) })
const names = z.object({ data: z.array(z.object({ id: z.string() })) })

/** `trimtab score`: what rewards say of answers, those of the command line or of a file with one JSON object a line. */
export async function score(answers: readonly string[], flags: ScoreFlags): Promise<void> {
  const sources = [answers.length > 0, flags.input !== undefined, flags.list === true].filter(Boolean).length
  if (sources !== 1) throw new ClientError('Give answers to score, or --input with a file of them, or --list.')
  if (answers.length > 0 && flags.prompt === undefined) {
    throw new ClientError('--prompt is missing: what do these answers answer?')
  }
  await withServer(flags, async (client) => {
    if (flags.list) return await listRewards(client)
    if (flags.input !== undefined) return await scoreFile(client, flags.input, flags)
    await scoreAnswers(client, answers, flags)
  })
}

async function listRewards(client: GatewayClient): Promise<void> {
  const { data } = names.parse(await client.get('/v1/rewards'))
  process.stdout.write(data.map(({ id }) => `${id}\n`).join(''))
}

async function scoreAnswers(client: GatewayClient, responses: readonly string[], flags: ScoreFlags): Promise<void> {
  const { prompt = '', reference: references } = flags
  const { data } = await judge(
    client,
    { prompt, responses: [...responses], ...(references && { references: [...references] }) },
    flags,
  )
  const lines = flags.json
    ? responses.map((response, index) => JSON.stringify({ prompt, response, ...data[index] }))
    : responses.map((response, index) => `${(data[index]?.score ?? Number.NaN).toFixed(4).padStart(9)}  ${response}`)
  process.stdout.write(`${lines.join('\n')}\n`)
}

async function scoreFile(client: GatewayClient, path: string, flags: ScoreFlags): Promise<void> {
  const input = path === '-' ? process.stdin : createReadStream(path)
  const output = flags.output === undefined ? undefined : await open(flags.output, 'w')
  try {
    for await (const line of scoredLines(client, createInterface({ input }), path, flags)) {
      if (output === undefined) process.stdout.write(line)
      else await output.write(line)
    }
  } finally {
    await output?.close()
  }
}

/** The lines with what their reward says of them, in their order. */
async function* scoredLines(client: GatewayClient, input: AsyncIterable<string>, path: string, flags: ScoreFlags) {
  let number = 0
  for await (const text of input) {
    number += 1
    if (text.trim() === '') continue
    const line = parseLine(text, `${path}:${number}`)
    const { reward, data } = await judge(client, line, flags).catch((error: Error) => {
      throw error instanceof ClientError ? new ClientError(`${path}:${number}: ${error.message}`) : error
    })
    const scores = line.response === undefined ? { scores: data.map((one) => one.score) } : { score: data[0]?.score }
    yield `${JSON.stringify({ ...line, reward, ...scores })}\n`
  }
}

function parseLine(text: string, place: string): ScoredLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ClientError(`${place}: not JSON: ${(error as Error).message}`)
  }
  const result = scoredLine.safeParse(value, parseContext)
  if (result.success) return result.data
  const [problem] = fieldProblems(result.error)
  throw new ClientError(`${place}: '${problem?.path}': ${problem?.message}`)
}

async function judge(client: GatewayClient, line: ScoredLine, flags: ScoreFlags) {
  const { prompt, messages, response, responses = [response], references } = line
  const reward = line.reward ?? rewardOf(flags.reward)
  if (reward === undefined) throw new ClientError('--reward is missing; --list prints the names there are')
  return verdicts.parse(await client.post('/v1/rewards', { reward, prompt, messages, responses, references }))
}

/** A name, or several with weights: `{"sentiment": 0.7, "brief": 0.3}`. */
function rewardOf(text: string | undefined): unknown {
  if (text === undefined || !text.startsWith('{')) return text
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ClientError(`--reward is neither a name nor JSON: ${(error as Error).message}`)
  }
}
