/** What a terminal chat asks with; commands change it between answers. */
export interface ChatSettings {
  /** Undefined: the server's first. */
  readonly model: string | undefined
  readonly system: string | undefined
  readonly temperature: number | undefined
  readonly seed: number | undefined
  readonly maxTokens: number | undefined
  readonly policy: string | undefined
  /** Guide -> weight. */
  readonly weights: ReadonlyMap<string, number>
  /** Objective -> share. */
  readonly preferences: ReadonlyMap<string, number>
  /** Instruction -> weight. */
  readonly principles: ReadonlyMap<string, number>
  /** Further fields of `alignment`, such as `best_of`. */
  readonly further: Readonly<Record<string, unknown>>
}

export const noSettings: ChatSettings = {
  model: undefined,
  system: undefined,
  temperature: undefined,
  seed: undefined,
  maxTokens: undefined,
  policy: undefined,
  weights: new Map(),
  preferences: new Map(),
  principles: new Map(),
  further: {},
}

/** The request's `alignment`; undefined where nothing steers. */
export function toAlignment({ policy, weights, preferences, principles, further }: ChatSettings): object | undefined {
  const guides = [
    ...[...weights].map(([guide, weight]) => ({ guide, weight })),
    ...[...principles].map(([principle, weight]) => ({ principle, weight })),
  ]
  const alignment = {
    ...further,
    ...(policy === undefined ? {} : { policy }),
    ...(guides.length === 0 ? {} : { guides }),
    ...(preferences.size === 0 ? {} : { preferences: Object.fromEntries(preferences) }),
  }
  return Object.keys(alignment).length === 0 ? undefined : alignment
}

export interface Turn {
  readonly role: 'user' | 'assistant'
  readonly content: string
}

/** The body of the next request. */
export function toChatBody(settings: ChatSettings, model: string, turns: readonly Turn[]): object {
  const { system, temperature, seed, maxTokens } = settings
  const messages = [...(system === undefined ? [] : [{ role: 'system', content: system }]), ...turns]
  return { model, messages, stream: true, temperature, seed, max_tokens: maxTokens, alignment: toAlignment(settings) }
}

/** The settings in words, one a line. */
export function describeSettings(settings: ChatSettings, model: string): string {
  const { system, temperature, seed, maxTokens } = settings
  const alignment = toAlignment(settings)
  return [
    `model        ${model}`,
    `system       ${system ?? 'none'}`,
    `temperature  ${temperature ?? 'the default, 1'}`,
    `seed         ${seed ?? 'another one each time'}`,
    `max-tokens   ${maxTokens ?? "the server's default"}`,
    `alignment    ${alignment === undefined ? 'none: the base alone' : JSON.stringify(alignment)}`,
  ].join('\n')
}
