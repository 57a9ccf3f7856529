import type { Cell } from './cell.ts'
import type { HeldOut, Topic } from './held-out.ts'
import type { Interval } from './interval.ts'
import { markdownTable, showInterval } from './markdown.ts'
import { columns, type Measured, summarise } from './measures.ts'
import type { Answers } from './run-cells.ts'

/** A policy with every measure of its topic. */
export interface ReportedCell extends Cell {
  readonly measures: Readonly<Record<string, Interval>>
}

/** Every cell's measures with intervals. */
export function report(cells: readonly Cell[], measured: Measured): readonly ReportedCell[] {
  return cells.map((cell) => {
    const rows = measured.get(cell.name)!
    const measures = columns[cell.topic].map((column) => [column, summarise(rows, column)] as const)
    return { ...cell, measures: Object.fromEntries(measures) }
  })
}

/** One topic's table. */
export function reportTable(topic: Topic, cells: readonly ReportedCell[]): string {
  const rows = cells
    .filter((cell) => cell.topic === topic)
    .map(({ name, temperature, measures }) => [
      name.slice(topic.length + 2),
      // A greedy answer is no sample, so its log ratio estimates no divergence.
      ...columns[topic].map((column) => (column === 'kl' && temperature === 0 ? '' : showInterval(measures[column]!))),
    ])
  return markdownTable(['policy', ...columns[topic]], rows)
}

/** Every policy's answer to the topic's first prompt, drawn with the same random numbers. */
export function exampleTable(topic: Topic, cells: readonly Cell[], answers: Answers, heldOut: HeldOut): string {
  const rows = cells
    .filter((cell) => cell.topic === topic)
    .map(({ name }) => [name.slice(topic.length + 2), answers.get(name)![0]!.text])
  return markdownTable(['policy', heldOut[topic][0]!.prompt], rows)
}
