import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import { rewardReferenceProblems } from '../rm/reward-references.ts'
import type { Config } from './config.ts'
import { localModels, servedLocalModels, servedModels, steeredModels, upstreamModels } from './configured-models.ts'
import type { FieldProblem } from './field-problem.ts'
import { keyProblems } from './keys/key-references.ts'
import { tokenRemedy, wholeReplyProblems } from './whole-reply-options.ts'

/** Names in the configuration that lead nowhere, and guides that say too much or too little. */
export function brokenReferences(config: Config): readonly FieldProblem[] {
  return [
    ...servedModelProblems(config),
    ...upstreamProblems(config),
    ...Object.keys(config.guides).flatMap((guide) => guideProblems(config, guide)),
    ...Object.entries(config.objectives).flatMap(([objective, { guide, reward }]) => [
      ...(guide === undefined ? [] : missing(`objectives.${objective}.guide`, 'guide', guide, config.guides)),
      ...(reward === undefined ? [] : missing(`objectives.${objective}.reward`, 'reward', reward, config.rewards)),
    ]),
    ...rewardReferenceProblems(config.rewards, {
      models: Object.keys(localModels(config)),
      trainedGuides: Object.keys(config.guides).filter((guide) => 'kind' in config.guides[guide]!),
      upstreams: Object.keys(config.upstreams),
    }),
    ...Object.entries(config.policies).flatMap(([policy, options]) => policyProblems(config, policy, options)),
    ...keyProblems(config),
    ...Object.entries(config.aliases).flatMap(([alias, target]) => aliasProblems(config, alias, target)),
  ]
}

function servedModelProblems(config: Config): readonly FieldProblem[] {
  if (servedModels(config).length > 0) return []
  return [{ path: 'models', message: 'at least one model must be served' }]
}

function upstreamProblems(config: Config): readonly FieldProblem[] {
  const unknown = Object.entries(upstreamModels(config)).flatMap(([name, { upstream }]) => {
    const path = `models.${name}.upstream`
    if (config.upstreams[upstream]?.kind !== 'rewards') return missing(path, 'upstream', upstream, config.upstreams)
    return [{ path, message: `'${upstream}' is of kind rewards: it only judges` }]
  })
  const [, ...further] = Object.entries(config.upstreams).flatMap(([name, upstream]) =>
    upstream.default ? [name] : [],
  )
  return [
    ...unknown,
    ...further.map((name) => ({ path: `upstreams.${name}.default`, message: 'only one upstream can be the default' })),
  ]
}

function guideProblems(config: Config, name: string): readonly FieldProblem[] {
  const guide = config.guides[name]
  const path = `guides.${name}`
  if (guide === undefined || 'principle' in guide) return []
  if ('contrast' in guide) {
    return guide.contrast.flatMap((operand, side) => missingOperand(`${path}.contrast[${side}]`, operand, config))
  }
  if (guide.kind === 'unir' && guide.template === 'own') {
    return [{ path: `${path}.template`, message: "a unir module always reads the base's prompt" }]
  }
  if ((guide.adapter === undefined) === (guide.model === undefined)) {
    return [{ path, message: 'give either adapter or model' }]
  }
  if (guide.model !== undefined) {
    if (guide.base !== undefined) return [{ path: `${path}.base`, message: 'belongs to adapter, not to model' }]
    return missing(`${path}.model`, 'model', guide.model, { ...localModels(config), ...steeredModels(config) })
  }
  if (guide.base !== undefined) return missing(`${path}.base`, 'model', guide.base, localModels(config))
  if (servedLocalModels(config).length === 1) return []
  return [{ path: `${path}.base`, message: 'say which model the adapter belongs to: not exactly one is served' }]
}

function policyProblems(config: Config, name: string, options: AlignmentOptions): readonly FieldProblem[] {
  const path = `policies.${name}`
  const inner =
    options.policy === undefined ? [] : [{ path: `${path}.policy`, message: 'a policy cannot name a policy' }]
  const guides = (options.guides ?? []).flatMap((entry, index) => {
    const place = `${path}.guides[${index}]`
    if (entry.guide !== undefined) return missing(`${place}.guide`, 'guide', entry.guide, config.guides)
    return (entry.contrast ?? []).flatMap((operand, side) =>
      missingOperand(`${place}.contrast[${side}]`, operand, config),
    )
  })
  const objectives = Object.keys(options.preferences ?? {}).flatMap((objective) =>
    missing(`${path}.preferences.${objective}`, 'objective', objective, config.objectives),
  )
  return [...inner, ...guides, ...objectives, ...rewardProblems(config, path, options)]
}

function rewardProblems(
  config: Config,
  path: string,
  { particles, best_of, search }: AlignmentOptions,
): readonly FieldProblem[] {
  const named = [
    ['particles', particles?.reward],
    ['best_of', best_of?.reward],
    ['search', search?.reward],
  ] as const
  return named.flatMap(([section, reference]) => {
    if (reference === undefined) return []
    const names = typeof reference === 'string' ? [reference] : Object.keys(reference)
    return names.flatMap((name) => missing(`${path}.${section}.reward`, 'reward', name, config.rewards))
  })
}

function aliasProblems(config: Config, name: string, target: Config['aliases'][string]): readonly FieldProblem[] {
  const path = `aliases.${name}`
  if (Object.hasOwn(config.models, name)) return [{ path, message: 'is also the name of a model' }]
  if (config.models[target.model]?.served === false) {
    return [{ path: `${path}.model`, message: `the model '${target.model}' is not served` }]
  }
  return [
    ...textOnlyProblems(config, path, target),
    ...missing(`${path}.model`, 'model', target.model, config.models),
    ...missing(`${path}.policy`, 'policy', target.policy, config.policies),
  ]
}

/** Over a model whose tokenizer is not at hand whole replies are chosen among: a policy that needs more could never be kept. */
function textOnlyProblems(
  config: Config,
  path: string,
  { model, policy }: Config['aliases'][string],
): readonly FieldProblem[] {
  const options = config.policies[policy]
  const isText = Object.hasOwn(upstreamModels(config), model) && !Object.hasOwn(steeredModels(config), model)
  if (options === undefined || !isText) return []
  const problems = wholeReplyProblems(options)
  const reasons = problems.map(([field, reason]) => `${field}: ${reason}`).join('; ')
  if (problems.length === 0) return []
  return [
    {
      path: `${path}.policy`,
      message: `the policy '${policy}' cannot be kept over '${model}' (${reasons}). ${tokenRemedy}`,
    },
  ]
}

/** A contrast is of models, or of trained guides. */
function missingOperand(path: string, name: string, config: Config): readonly FieldProblem[] {
  const trained = Object.entries(config.guides).filter(([, guide]) => 'kind' in guide)
  return missing(path, 'model or trained guide', name, {
    ...localModels(config),
    ...steeredModels(config),
    ...Object.fromEntries(trained),
  })
}

function missing(path: string, kind: string, name: string, known: object): readonly FieldProblem[] {
  if (Object.hasOwn(known, name)) return []
  const names = Object.keys(known)
  const suffix = names.length === 0 ? 'none is configured' : `known: ${names.join(', ')}`
  return [{ path, message: `no ${kind} is named '${name}' (${suffix})` }]
}
