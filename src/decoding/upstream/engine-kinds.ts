import type { TokenizerAdapter } from '../checkpoint/tokenizer.ts'
import type { ProbeResult, ProbeSubject } from './engine-probe.ts'
import type { UpstreamClient } from './http/upstream-client.ts'
import type { UpstreamKind } from './http/upstream-settings.ts'
import { LlamaEngine } from './llama/llama-engine.ts'
import { llamaIdentity, probeLlama } from './llama/llama-probe.ts'
import { SglangEngine } from './sglang/sglang-engine.ts'
import { probeSglang, sglangIdentity } from './sglang/sglang-probe.ts'
import type { EngineAbilities, TokenEngine } from './token-engine.ts'
import { VllmEngine } from './vllm/vllm-engine.ts'
import { probeVllm, vllmIdentity } from './vllm/vllm-probe.ts'

/** How one kind of engine is asked and spoken to. */
export interface EngineKind {
  probe(client: UpstreamClient, subject: ProbeSubject, signal: AbortSignal): Promise<ProbeResult>
  identity(client: UpstreamClient, model: string, signal: AbortSignal): Promise<string>
  open(client: UpstreamClient, abilities: EngineAbilities, tokenizer: TokenizerAdapter): TokenEngine
}

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
    open: (client, abilities, tokenizer) => new SglangEngine(client, abilities, tokenizer.size),
  },
  'llama-server': {
    probe: probeLlama,
    identity: llamaIdentity,
    open: (client, abilities, tokenizer) =>
      new LlamaEngine(client, abilities, tokenizer.size, tokenizer.encode('a', false)[0]!),
  },
}
