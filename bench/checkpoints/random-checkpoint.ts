import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { decoderTensors } from '../../src/decoding/checkpoint/decoder-tensors.ts'
import { parseModelConfig } from '../../src/decoding/checkpoint/model-config.ts'
import { constantValues, normalValues } from './random-values.ts'
import { type RandomValues, writeSafetensors } from './safetensors-file.ts'
import type { ShapeJson } from './shapes.ts'

/** The folder of a checkpoint of this shape with random weights, in Hugging Face layout; made at first use, then kept. */
export function randomCheckpoint(work: string, name: string, shape: ShapeJson, say: (line: string) => void): string {
  const folder = join(work, 'checkpoints', name)
  if (existsSync(folder)) return folder
  say(`writing ${folder}`)
  const draft = `${folder}.draft`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { recursive: true })
  const write = (file: string, json: object) => writeFileSync(join(draft, file), JSON.stringify(json))
  write('config.json', { ...shape, hidden_act: 'silu', bos_token_id: 0, eos_token_id: 0, torch_dtype: 'bfloat16' })
  write('tokenizer.json', byteTokenizer(shape.vocab_size))
  write('tokenizer_config.json', { eos_token: endOfText })
  writeSafetensors(join(draft, 'model.safetensors'), tensorsOf(name, shape))
  renameSync(draft, folder)
  return folder
}

/** Matrices keep the scale of their inputs, so that the numbers stay finite through all layers. */
function tensorsOf(name: string, shape: ShapeJson) {
  const config = parseModelConfig(name, { ...shape, architectures: [...shape.architectures] })
  const ones = constantValues(1)
  const zeros = constantValues(0)
  const byWidth = new Map<number, RandomValues>()
  const matrix = (width: number) => {
    const known = byWidth.get(width) ?? normalValues(1 / Math.sqrt(width), width)
    byWidth.set(width, known)
    return known
  }
  return [...decoderTensors(config)].map(([tensor, dims]) => ({
    name: tensor,
    shape: dims,
    values: dims.length === 2 ? matrix(dims[1]!) : tensor.endsWith('.bias') ? zeros : ones,
  }))
}

const endOfText = '<|endoftext|>'

/** A byte-level tokenizer whose further entries no text ever gives, but draws do. */
function byteTokenizer(size: number) {
  const vocab: Record<string, number> = { [endOfText]: 0 }
  for (let byte = 0; byte < 256; byte++) vocab[standIn(byte)] = byte + 1
  for (let id = 257; id < size; id++) vocab[`t${id}`] = id
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    added_tokens: [
      { id: 0, content: endOfText, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    ],
    normalizer: null,
    pre_tokenizer: bytes,
    post_processor: null,
    decoder: bytes,
    model: { type: 'BPE', vocab, merges: [] },
  }
}

/** How GPT-2's byte-level BPE writes a byte as a printable character. */
function standIn(byte: number): string {
  const printable = (b: number) => (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xff && b !== 0xad)
  if (printable(byte)) return String.fromCodePoint(byte)
  let rank = 0
  for (let b = 0; b < byte; b++) if (!printable(b)) rank++
  return String.fromCodePoint(256 + rank)
}
