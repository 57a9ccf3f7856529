import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import type { BenchOptions } from './bench-options.ts'
import type { StepProfile } from './finding.ts'
import { profileOf } from './measures/profile-events.ts'
import { advance, baseTerm, openOurs, openStream, plainSpec, prefill } from './our-engine.ts'
import { promptIds } from './prompts.ts'

const promptTokens = 160

/** Where a step of `streams` rows spends its time, as ONNX Runtime's profiler sees it, over the last `steps` steps. */
export async function profileStep(
  options: BenchOptions,
  model: string,
  streams: number,
  steps: number,
): Promise<StepProfile> {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-profile-'))
  const sessions: InferenceSession[] = []
  const create = InferenceSession.create
  const open: (path: string, settings: InferenceSession.SessionOptions) => Promise<InferenceSession> =
    create.bind(InferenceSession)
  // the engine has no need for a profiler, so it has no option for it
  InferenceSession.create = (async (path: string, settings: InferenceSession.SessionOptions) => {
    const profiled = { ...settings, enableProfiling: true, profileFilePrefix: join(folder, 'step') }
    const session = await open(path, profiled)
    sessions.push(session)
    return session
  }) as typeof InferenceSession.create
  try {
    const engine = await openOurs([plainSpec(model, 'int8')], options)
    const { tokenizer } = engine.models.get('m')!
    const sequences = Array.from({ length: streams }, (_, i) =>
      openStream(engine, [baseTerm(promptIds(tokenizer, i, promptTokens))], i, 2 * steps),
    )
    await prefill(engine, sequences)
    await advance(engine, sequences, steps)
    const seconds = await advance(engine, sequences, steps)
    for (const session of sessions) session.endProfiling()
    await engine.close()
    const file = readdirSync(folder)[0]!
    const events: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    return { name: 'SmolLM2-135M int8', rows: streams, stepUs: (1e6 * seconds) / steps, ...profileOf(events, steps) }
  } finally {
    InferenceSession.create = create
    rmSync(folder, { recursive: true })
  }
}
