/**
 * Whether the first two tokens of a guided vLLM have the law that the local engine computes: chi-square of samples against exact probabilities.
 *   VLLM=http://127.0.0.1:8901 MODEL=FOLDER GUIDE=FOLDER WAY=inside|blocks node --import tsx bench/vllm/first-tokens.ts
 * vLLM serves MODEL in bfloat16 with GUIDE inside as `tenth`; here both are read in fp32.
 */
import type { LogitTerm } from '../../src/decoding/decoder.ts'
import { openEngine } from '../../src/decoding/local/engine.ts'
import { plainSampling } from '../../src/decoding/sampling-params.ts'
import { readConfigFile } from '../../src/server/config-file.ts'
import { engineSetup } from '../../src/server/engine-setup.ts'
import { openGenerationEngine } from '../../src/server/open-generation-engine.ts'

const { MODEL = '', GUIDE = '', WAY = 'inside' } = process.env
const samples = Number(process.env['SAMPLES'] ?? 2000)
const weight = Number(process.env['WEIGHT'] ?? 0.5)
const seconds = Number(process.env['SECONDS'] ?? 170)
const support = WAY === 'blocks' ? 64 : Number.POSITIVE_INFINITY
const signal = new AbortController().signal
const promptText = 'The weather in Paris today is'

const setup = engineSetup(readConfigFile('bench/vllm/trimtab.yaml', process.env))
const engine = await openGenerationEngine(setup, () => undefined)
for (const model of ['base', 'inside']) await engine.prepare(model, signal)
const { tokenizer } = engine.models.get('base')!
const prompt = tokenizer.encode(promptText, false)
const specs = [MODEL, GUIDE].map((source, i) => ({
  name: i === 0 ? 'base' : 'guide',
  source,
  weights: 'fp32' as const,
  adapters: [],
  contextLength: 256,
}))
const local = await openEngine(specs, { ...setup.options, memoryBytes: 2 ** 27 }, () => undefined)

/** The target behind the prompt and `answer`, by id. */
async function target(answer: readonly number[]): Promise<Float64Array> {
  const rows: Float32Array[] = []
  for (const model of ['base', 'guide'])
    await local.readRows(
      { model, adapter: undefined, promptIds: [...prompt, ...answer] },
      [0],
      (_, row) => rows.push(row.slice()),
      signal,
    )
  const [base, guide] = rows
  const edge = Number.isFinite(support) ? [...base!].sort((a, b) => b - a)[support - 1]! : Number.NEGATIVE_INFINITY
  const sums = Float64Array.from(base!, (logit, id) => (logit >= edge ? logit + weight * guide![id]! : -Infinity))
  const most = sums.reduce((a, b) => Math.max(a, b))
  const weights = sums.map((sum) => Math.exp(sum - most))
  const total = weights.reduce((a, b) => a + b)
  return weights.map((one) => one / total)
}

async function draw(seed: number): Promise<string> {
  const term = (model: string, coefficient: number): LogitTerm => {
    return { model, adapter: undefined, promptIds: prompt, coefficient }
  }
  const sampling = { ...plainSampling, seed: BigInt(seed), maxTokens: 2, ignoreEos: true }
  const terms = [term('base', 1), term(WAY === 'inside' ? 'inside' : 'outside', weight)]
  const speculation = { exact: false, block: 2, top: 64, drafts: 1 }
  const request = WAY === 'inside' ? { terms, sampling } : { terms, sampling, speculation }
  const sequence = engine.decoder.open(request)
  const ids: number[] = []
  for await (const { draws } of engine.decoder.advance(sequence, 2, signal)) ids.push(...draws.map(({ id }) => id))
  engine.decoder.release(sequence)
  if (ids.length !== 2) throw new Error(`${ids.length} tokens came`)
  return ids.join(' ')
}

/** Draws `samples`, or as many as there is time for. */
async function drawAll(): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const until = performance.now() + seconds * 1000
  let next = 0
  const worker = async () => {
    while (next < samples && performance.now() < until) {
      const pair = await draw(++next)
      counts.set(pair, (counts.get(pair) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 16 }, worker))
  return counts
}

interface Cell {
  readonly expected: number
  readonly seen: number
}

/** Cells of pairs, of first tokens with any other second one, and of all else; each of at least five expected. */
async function cellsOf(counts: ReadonlyMap<string, number>, drawn: number): Promise<Cell[]> {
  const first = await target([])
  const seenFirst = (id: number) =>
    [...counts].reduce((sum, [pair, count]) => (pair.startsWith(`${id} `) ? sum + count : sum), 0)
  const cells: Cell[] = []
  for (const id of first.keys()) {
    if (first[id]! * drawn < 5) continue
    const second = await target([id])
    const inner = [...second.keys()].flatMap((other): Cell[] => {
      const expected = drawn * first[id]! * second[other]!
      return expected < 5 ? [] : [{ expected, seen: counts.get(`${id} ${other}`) ?? 0 }]
    })
    cells.push(...inner, rest(inner, drawn * first[id]!, seenFirst(id)))
  }
  cells.push(rest(cells, drawn, drawn))
  return cells.filter(({ expected }) => expected >= 5)
}

function rest(cells: readonly Cell[], expected: number, seen: number): Cell {
  return cells.reduce((left, cell) => ({ expected: left.expected - cell.expected, seen: left.seen - cell.seen }), {
    expected,
    seen,
  })
}

const counts = await drawAll()
const drawn = [...counts.values()].reduce((a, b) => a + b, 0)
const cells = await cellsOf(counts, drawn)
const chiSquare = cells.reduce((sum, { expected, seen }) => sum + (seen - expected) ** 2 / expected, 0)
const freedom = cells.length - 1
// Wilson and Hilferty: the cube root of chi-square over its freedom is nearly normal
const z = (Math.cbrt(chiSquare / freedom) - 1 + 2 / (9 * freedom)) / Math.sqrt(2 / (9 * freedom))
process.stdout.write(
  `${WAY}: ${drawn} samples, ${cells.length} cells, chi-square ${chiSquare.toFixed(1)} with ${freedom} degrees of freedom, z ${z.toFixed(2)}\n`,
)
await engine.close()
await local.close()
