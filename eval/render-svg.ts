import { parse, View } from 'vega'
import { type Config, compile, type TopLevelSpec } from 'vega-lite'

/** A figure as it is written to disk. */
export interface Figure {
  readonly name: string
  readonly svg: string
}

/** Okabe and Ito's colours, which stay apart for the colour-blind; grey is always the control. */
export const colours = {
  positive: '#0072B2',
  formal: '#D55E00',
  concise: '#009E73',
  control: '#8A8F98',
} as const

const font = 'Inter, "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif'

const theme: Config = {
  background: '#ffffff',
  padding: 16,
  font,
  view: { stroke: null },
  title: {
    anchor: 'start',
    fontSize: 15,
    fontWeight: 600,
    color: '#1f2328',
    offset: 14,
    subtitleFontSize: 12,
    subtitleColor: '#4b5159',
    subtitlePadding: 5,
  },
  axis: {
    labelFontSize: 11,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelColor: '#4b5159',
    titleColor: '#1f2328',
    gridColor: '#e6e8eb',
    domainColor: '#b6bbc2',
    tickColor: '#b6bbc2',
    tickSize: 4,
    titlePadding: 8,
  },
  legend: { labelFontSize: 12, labelColor: '#1f2328', orient: 'bottom', symbolStrokeWidth: 2.5, symbolOpacity: 1 },
}

/** Draws a Vega-Lite specification without a browser, in the house's look. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec, { config: theme }).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}
