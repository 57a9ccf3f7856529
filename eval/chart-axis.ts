/** How a quantity is laid out along an axis. */
export interface ChartAxis {
  readonly title: string
  readonly type?: 'linear' | 'log' | 'symlog'
  /** Absent: what the data needs. */
  readonly domain?: readonly [number, number]
  /** Where the axis begins, if the data alone does not say. */
  readonly min?: number
  readonly ticks?: readonly number[]
  /** d3 format of the tick labels. */
  readonly format?: string
}

/** Vega-Lite's channel of a quantity. */
export function quantity<Field extends string>(
  field: Field,
  { title, type, domain, min, ticks, format = '~r' }: ChartAxis,
) {
  return {
    field,
    type: 'quantitative',
    title,
    scale: {
      type: type ?? 'linear',
      nice: false,
      ...(type === 'log' ? { base: 2 } : { zero: false }),
      ...(domain === undefined ? {} : { domain: [...domain], clamp: true }),
      ...(min === undefined ? {} : { domainMin: min }),
    },
    axis: {
      format,
      labelFlush: false,
      ...(ticks === undefined ? { tickCount: 5 } : { values: [...ticks] }),
    },
  } as const
}
