import type { ChatSettings } from './chat-settings.ts'
import { ClientError } from './client-error.ts'

/** A command that changes the settings. */
interface SettingCommand {
  readonly usage: string
  readonly help: string
  /** @throws ClientError naming what it cannot read */
  apply(settings: ChatSettings, argument: string): ChatSettings
}

const settingCommands: Readonly<Record<string, SettingCommand>> = {
  weight: {
    usage: '<guide> <number>',
    help: 'steer by a guide, as in /weight positive 0.8; negative steers away, 0 takes it out',
    apply: (settings, argument) => ({ ...settings, weights: withWeight(settings.weights, argument) }),
  },
  principle: {
    usage: '<number> <text>',
    help: 'steer by an instruction, as in /principle 1.5 Answer in one short sentence.; 0 takes it out, off all of them',
    apply: (settings, argument) => ({ ...settings, principles: withPrinciple(settings.principles, argument) }),
  },
  prefer: {
    usage: '<objective> <number>',
    help: 'the share of an objective, as in /prefer concise 0.3; 0 takes it out',
    apply: (settings, argument) => ({ ...settings, preferences: withWeight(settings.preferences, argument) }),
  },
  policy: {
    usage: '<name>|off',
    help: 'a preset of the configuration',
    apply: (settings, argument) => ({ ...settings, policy: textOrOff(argument) }),
  },
  alignment: {
    usage: '<json>|off',
    help: 'any other field, as in /alignment {"best_of": {"n": 8, "reward": "sentiment"}}',
    apply: (settings, argument) => ({ ...settings, further: jsonObject(argument) }),
  },
  model: {
    usage: '<name>',
    help: 'talk to another served model or alias',
    apply: (settings, argument) => ({ ...settings, model: textOrOff(argument) }),
  },
  system: {
    usage: '<text>|off',
    help: 'the system message',
    apply: (settings, argument) => ({ ...settings, system: textOrOff(argument) }),
  },
  temperature: {
    usage: '<number>|off',
    help: '0 always takes the most likely token',
    apply: (settings, argument) => ({ ...settings, temperature: numberOrOff(argument) }),
  },
  seed: {
    usage: '<number>|off',
    help: 'the same seed gives the same answer: compare weights with /again',
    apply: (settings, argument) => ({ ...settings, seed: numberOrOff(argument) }),
  },
  'max-tokens': {
    usage: '<number>|off',
    help: 'where an answer is cut',
    apply: (settings, argument) => ({ ...settings, maxTokens: numberOrOff(argument) }),
  },
}

/** Commands that do something else. */
const actions = {
  again: 'answer the last question once more, with the settings of now',
  reset: 'forget the conversation, keep the settings',
  settings: 'show the settings',
  help: 'this list',
  exit: 'leave; so does Ctrl-D. Ctrl-C stops an answer',
} as const

/** What a line of input asks for. */
export type ChatInput =
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'settings'; readonly settings: ChatSettings }
  | { readonly type: 'action'; readonly action: keyof typeof actions }

/** @throws ClientError for a command that does not exist or cannot be read */
export function readChatInput(line: string, settings: ChatSettings): ChatInput {
  const [, name, argument = ''] = /^\/([a-z-]*)\s*(.*)$/i.exec(line.trim()) ?? []
  if (name === undefined) return { type: 'message', text: line.trim() }
  if (isAction(name)) return { type: 'action', action: name }
  const command = Object.hasOwn(settingCommands, name) ? settingCommands[name] : undefined
  if (command === undefined) throw new ClientError(`There is no /${name}; there are ${allNames()}.`)
  if (argument === '') throw new ClientError(`/${name} ${command.usage}: ${command.help}`)
  return { type: 'settings', settings: command.apply(settings, argument) }
}

/** The list of commands. */
export function chatHelp(): string {
  const rows = [
    ...Object.entries(settingCommands).map(([name, { usage, help }]) => [`/${name} ${usage}`, help] as const),
    ...Object.entries(actions).map(([name, help]) => [`/${name}`, help] as const),
  ]
  const width = Math.max(...rows.map(([command]) => command.length))
  return rows.map(([command, help]) => `  ${command.padEnd(width)}  ${help}`).join('\n')
}

const isAction = (name: string): name is keyof typeof actions => Object.hasOwn(actions, name)

const allNames = () => [...Object.keys(settingCommands), ...Object.keys(actions)].map((name) => `/${name}`).join(', ')

function withWeight(weights: ReadonlyMap<string, number>, argument: string): ReadonlyMap<string, number> {
  const [, name, weight] = /^(.+?)\s+(\S+)$/.exec(argument) ?? []
  if (name === undefined) throw new ClientError('Give a name and a number, as in positive 0.8.')
  return withEntry(weights, name, numberOf(weight))
}

function withPrinciple(principles: ReadonlyMap<string, number>, argument: string): ReadonlyMap<string, number> {
  if (argument === 'off') return new Map()
  const [, weight, text] = /^(\S+)\s+(.+)$/.exec(argument) ?? []
  if (text === undefined) throw new ClientError('Give a number and an instruction, as in 1.5 Be brief.')
  return withEntry(principles, text, numberOf(weight))
}

function withEntry(entries: ReadonlyMap<string, number>, name: string, value: number): ReadonlyMap<string, number> {
  const changed = new Map(entries)
  if (value === 0) changed.delete(name)
  else changed.set(name, value)
  return changed
}

function numberOf(text: string | undefined): number {
  const value = Number(text)
  if (text === undefined || text === '' || !Number.isFinite(value)) throw new ClientError(`'${text}' is not a number.`)
  return value
}

const textOrOff = (argument: string) => (argument === 'off' ? undefined : argument)

const numberOrOff = (argument: string) => (argument === 'off' ? undefined : numberOf(argument))

function jsonObject(argument: string): Readonly<Record<string, unknown>> {
  if (argument === 'off') return {}
  try {
    const value: unknown = JSON.parse(argument)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch (error) {
    throw new ClientError(`That is not JSON: ${(error as Error).message}`)
  }
  throw new ClientError('Give a JSON object, such as {"trace": true}.')
}
