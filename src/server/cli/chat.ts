import { createInterface } from 'node:readline/promises'
import { z } from 'zod'
import { chatHelp, readChatInput } from './chat-commands.ts'
import { type ChatSettings, describeSettings, noSettings, type Turn, toChatBody } from './chat-settings.ts'
import { ClientError } from './client-error.ts'
import type { GatewayClient } from './gateway-client.ts'
import { type ServerFlags, withServer } from './server-choice.ts'

export interface ChatFlags extends ServerFlags {
  readonly talkTo?: string
  readonly system?: string
  readonly policy?: string
  readonly weight?: readonly string[]
  readonly temperature?: number
  readonly seed?: number
  readonly maxTokens?: number
}

const modelList = z.object({ data: z.array(z.object({ id: z.string() })).min(1) })

const chunk = z.object({
  choices: z.array(
    z.object({ delta: z.object({ content: z.string().nullish() }), finish_reason: z.string().nullish() }),
  ),
  alignment: z
    .object({ method: z.string(), seed: z.number(), tokens: z.object({ returned: z.number(), generated: z.number() }) })
    .optional(),
})

/** `trimtab chat`: a conversation in the terminal whose alignment can be changed between answers. */
export async function chat(flags: ChatFlags): Promise<void> {
  const settings = settingsOf(flags)
  await withServer(flags, async (client) => {
    const { data } = modelList.parse(await client.get('/v1/models'))
    await new Conversation(client, settings, data[0]!.id).run()
  })
}

/** @throws ClientError for a weight that is not like positive=0.8 */
function settingsOf({ talkTo, system, policy, weight = [], temperature, seed, maxTokens }: ChatFlags): ChatSettings {
  const weights = weight.map((text) => {
    const [, name, value] = /^(.+)=(-?[\d.]+)$/.exec(text) ?? []
    if (name === undefined || !Number.isFinite(Number(value)))
      throw new ClientError(`--weight ${text}: write name=number, as in positive=0.8`)
    return [name, Number(value)] as const
  })
  return { ...noSettings, model: talkTo, system, policy, temperature, seed, maxTokens, weights: new Map(weights) }
}

/** One conversation: its turns, its settings, the answer under way. */
class Conversation {
  readonly #client: GatewayClient
  readonly #firstModel: string
  readonly #lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: process.stdin.isTTY ? '> ' : '',
  })
  #settings: ChatSettings
  #turns: readonly Turn[] = []
  #answering: AbortController | undefined

  constructor(client: GatewayClient, settings: ChatSettings, firstModel: string) {
    this.#client = client
    this.#settings = settings
    this.#firstModel = firstModel
  }

  get #model(): string {
    return this.#settings.model ?? this.#firstModel
  }

  async run(): Promise<void> {
    say(`Talking to ${this.#model}. /help lists the commands, /weight positive 0.8 steers by a guide.`)
    this.#lines.on('SIGINT', () => (this.#answering === undefined ? this.#lines.close() : this.#answering.abort()))
    this.#lines.prompt()
    for await (const line of this.#lines) {
      if (line.trim() !== '' && (await this.#take(line)) === 'exit') break
      this.#lines.prompt()
    }
    this.#lines.close()
  }

  /** What goes wrong is told, and the conversation goes on. */
  async #take(line: string): Promise<'exit' | undefined> {
    try {
      const input = readChatInput(line, this.#settings)
      if (input.type === 'message') await this.#answer([...this.#turns, { role: 'user', content: input.text }])
      else if (input.type === 'settings') this.#settings = input.settings
      else if (input.action === 'exit') return 'exit'
      else if (input.action === 'help') say(chatHelp())
      else if (input.action === 'settings') say(describeSettings(this.#settings, this.#model))
      else if (input.action === 'reset') this.#turns = []
      else await this.#answer(this.#turns.slice(0, this.#turns.findLastIndex(({ role }) => role === 'user') + 1))
    } catch (error) {
      if (!(error instanceof ClientError)) throw error
      say(`! ${error.message}`)
    }
    return undefined
  }

  /** Writes the answer to these turns as it comes; a failed or stopped one is not part of the conversation. */
  async #answer(turns: readonly Turn[]): Promise<void> {
    if (turns.length === 0) throw new ClientError('There is no question yet.')
    const body = toChatBody(this.#settings, this.#model, turns)
    this.#answering = new AbortController()
    let content = ''
    let note = ''
    try {
      for await (const data of this.#client.stream('/v1/chat/completions', body, this.#answering.signal)) {
        const { choices, alignment } = chunk.parse(data)
        const text = choices[0]?.delta.content ?? ''
        process.stdout.write(text)
        content += text
        if (alignment !== undefined) note = noteOf(alignment)
        if (choices[0]?.finish_reason === 'length') note = `${note} cut by max-tokens`.trim()
      }
      this.#turns = [...turns, { role: 'assistant', content }]
      say(note === '' ? '' : `\n[${note}]`)
    } catch (error) {
      if (!this.#answering.signal.aborted) throw error
      say('\n[stopped]')
    } finally {
      this.#answering = undefined
    }
  }
}

function noteOf({ method, seed, tokens }: NonNullable<z.output<typeof chunk>['alignment']>): string {
  // the draw that ends an answer has no text
  const thrownAway = tokens.generated - tokens.returned - 1
  return `${method}, seed ${seed}${thrownAway > 0 ? `, ${thrownAway} tokens drawn and thrown away` : ''}`
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
