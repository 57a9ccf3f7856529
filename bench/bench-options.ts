import { availableParallelism } from 'node:os'

/** What all questions may be asked with. */
export interface BenchOptions {
  /** SmolLM2-135M-Instruct in Hugging Face layout. */
  readonly model: string
  readonly rounds: number
  /** Short runs that show that everything works; their numbers mean little. */
  readonly quick: boolean
  readonly threads: number
  /** Folder of llama.cpp's programs. */
  readonly llama: string | undefined
  /** A GGUF of the model: Q8_0, or what Q8_0 is made from. */
  readonly gguf: string | undefined
  /** Python with torch and transformers. */
  readonly python: string | undefined
  /** The model as transformers.js reads it: a folder with onnx/model_quantized.onnx. */
  readonly onnx: string | undefined
  /** Where made checkpoints and prepared graphs are kept from run to run. */
  readonly work: string
  readonly say: (line: string) => void
}

export const everyCore = availableParallelism()
