import type { TensorSource } from './checkpoint.ts'

/** A tensor source that lies in files: what opening a checkpoint asks of it beyond reading values. */
export interface WeightFiles extends TensorSource {
  /** Paths of the files the tensors come from, sorted. */
  readonly files: readonly string[]
  /**
   * Refuses what `read` would refuse, without looking at the values.
   * @throws CheckpointError when the tensor is missing, has another shape, or a number format other than fp32, fp16, bf16
   */
  check(name: string, shape: readonly number[]): void
}
