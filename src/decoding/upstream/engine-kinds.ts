import type { ModelText } from '../checkpoint/model-text.ts'
import { guidanceProblems, type ProbeResult, type ProbeSubject } from './engine-probe.ts'
import type { UpstreamClient } from './http/upstream-client.ts'
import type { UpstreamKind } from './http/upstream-settings.ts'
import { LlamaEngine } from './llama/llama-engine.ts'
import { llamaIdentity, probeLlama } from './llama/llama-probe.ts'
import { OpenaiEngine } from './openai/openai-engine.ts'
import { openaiIdentity, probeOpenai } from './openai/openai-probe.ts'
import { SglangEngine } from './sglang/sglang-engine.ts'
import { probeSglang, sglangIdentity } from './sglang/sglang-probe.ts'
import type { EngineAbilities, TokenEngine } from './token-engine.ts'
import { VllmEngine } from './vllm/vllm-engine.ts'
import { probeVllm, vllmIdentity } from './vllm/vllm-probe.ts'

/** How one kind of engine is asked and spoken to. */
export interface EngineKind {
  probe(client: UpstreamClient, subject: ProbeSubject, signal: AbortSignal): Promise<ProbeResult>
  identity(client: UpstreamClient, model: string, signal: AbortSignal): Promise<string>
  open(
    client: UpstreamClient,
    abilities: EngineAbilities,
    text: Pick<ModelText, 'tokenizer' | 'eosTokenIds'>,
  ): TokenEngine
  /** It is asked for texts only, so that it need not be able to do what guides need. */
  readonly textOnly?: true
}

/** What keeps a model of an engine of this kind from being steered, in words; empty: it can be. */
export const steeringProblems = (kind: UpstreamKind, found: ProbeResult): readonly string[] =>
  engineKinds[kind]?.textOnly === true ? found.problems : guidanceProblems(found)

/** The one place that maps kinds to adapters; kinds without one pass requests through and cannot be steered. */
export const engineKinds: Readonly<Partial<Record<UpstreamKind, EngineKind>>> = {
  vllm: {
    probe: probeVllm,
    identity: vllmIdentity,
    open: (client, abilities) => new VllmEngine(client, abilities),
  },
  sglang: {
    probe: probeSglang,
    identity: sglangIdentity,
    open: (client, abilities, { tokenizer }) => new SglangEngine(client, abilities, tokenizer.size),
  },
  'llama-server': {
    probe: probeLlama,
    identity: llamaIdentity,
    open: (client, abilities, { tokenizer }) =>
      new LlamaEngine(client, abilities, tokenizer.size, tokenizer.encode('a', false)[0]!),
  },
  openai: {
    probe: probeOpenai,
    identity: openaiIdentity,
    open: (client, abilities, { tokenizer, eosTokenIds }) =>
      new OpenaiEngine(client, abilities, tokenizer, eosTokenIds[0]!),
    textOnly: true,
  },
}
