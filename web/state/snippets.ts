import type { ChatBody } from './to-request.ts'

export const languages = ['curl', 'Python', 'TypeScript'] as const
export type Language = (typeof languages)[number]

export interface SnippetServer {
  /** Such as http://127.0.0.1:8080. */
  readonly origin: string
  /** Then the program reads its key from the environment variable TRIMTAB_API_KEY. */
  readonly wantsKey: boolean
}

/** A program that asks the same. */
export function snippet(language: Language, body: ChatBody, server: SnippetServer): string {
  switch (language) {
    case 'curl':
      return curl(body, server)
    case 'Python':
      return python(body, server)
    case 'TypeScript':
      return typescript(body, server)
  }
}

function curl(body: ChatBody, { origin, wantsKey }: SnippetServer): string {
  const json = JSON.stringify({ ...body, stream: true }, null, 2).replaceAll("'", "'\\''")
  const key = wantsKey ? ' -H "Authorization: Bearer $TRIMTAB_API_KEY"' : ''
  return `curl -N ${origin}/v1/chat/completions${key} -H 'Content-Type: application/json' -d '${json}'`
}

function python({ alignment, ...body }: ChatBody, { origin, wantsKey }: SnippetServer): string {
  const fields = Object.entries({ ...body, stream: true }).map(([name, value]) => `    ${name}=${pythonValue(value)},`)
  const extra = alignment === undefined ? [] : [`    extra_body={"alignment": ${pythonValue(alignment)}},`]
  const [imports, key] = wantsKey ? ['import os\n\n', 'os.environ["TRIMTAB_API_KEY"]'] : ['', '"none"']
  return `${imports}from openai import OpenAI

client = OpenAI(base_url="${origin}/v1", api_key=${key})
stream = client.chat.completions.create(
${[...fields, ...extra].join('\n')}
)
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
`
}

/** JSON's strings and numbers are Python's; its constants are not. */
function pythonValue(value: unknown): string {
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (value === null) return 'None'
  if (Array.isArray(value)) return `[${value.map(pythonValue).join(', ')}]`
  if (typeof value !== 'object') return JSON.stringify(value)
  return `{${Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => `${JSON.stringify(key)}: ${pythonValue(one)}`)
    .join(', ')}}`
}

function typescript({ alignment, ...body }: ChatBody, { origin, wantsKey }: SnippetServer): string {
  const json = (value: unknown) => JSON.stringify(value, null, 2).replaceAll('\n', '\n  ')
  const fields = Object.entries({ ...body, stream: true }).map(([name, value]) => `  ${name}: ${json(value)},`)
  const extra =
    alignment === undefined
      ? []
      : ['  // @ts-expect-error the client sends unknown fields as they are', `  alignment: ${json(alignment)},`]
  const key = wantsKey ? 'process.env.TRIMTAB_API_KEY' : "'none'"
  return `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${origin}/v1', apiKey: ${key} })
const stream = await client.chat.completions.create({
${[...fields, ...extra].join('\n')}
})
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '')
`
}
