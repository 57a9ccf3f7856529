import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { stepParts } from '../../bench/figures/profile-panel.ts'
import { drawRun } from '../../bench/figures/run-charts.ts'
import { runMarkdown } from '../../bench/figures/run-markdown.ts'
import type { BenchRun } from '../../bench/finding.ts'
import { atLeast } from '../../bench/measures/target.ts'
import { replaceReport } from '../../bench/report.ts'
import { mergeFindings, mergeRuns } from '../../bench/results.ts'
import { curveOf, curveVerdict } from '../../bench/scale/curve.ts'

const point = (ms: number) => ({ stepSeconds: [ms / 1000], kvBytes: 2 ** 20, peakMib: 500 })
const names = { name: 'context', x: 'tokens', law: 'a + b tokens', mostExponent: 1 } as const
const xs = [128, 256, 512, 1024]
const curveThrough = (law: (x: number) => number) =>
  curveOf(
    names,
    xs,
    xs.map((x) => point(law(x))),
    () => 1,
  )

const run: BenchRun = {
  date: '2026-11-25T00:00:00.000Z',
  command: 'npm run bench -- all',
  machine: { processor: 'P', cores: 2, vectorExtensions: ['avx2'], memoryGib: 8, node: 'v20', loadAtStart: 0.1 },
  quick: false,
  rounds: 2,
  findings: [
    {
      question: 'decode',
      rows: [
        {
          work: 'decode',
          comparison: 'a / b',
          unit: 'x',
          values: [1.2, 1.3],
          measured: [{ name: 'a', unit: 'tokens/s', values: [12, 13] }],
          target: atLeast(1.1),
        },
      ],
      notes: ['how it was done'],
    },
    {
      question: 'scale',
      rows: [],
      curves: [curveThrough((x) => 10 + x / 100)],
      profiles: [
        { name: 'm', rows: 1, stepUs: 1000, graphUs: 900, operators: [{ name: 'MatMulNBits', calls: 121, us: 700 }] },
      ],
      notes: [],
    },
  ],
}

describe('a curve', () => {
  it('follows a linear law, grows faster than it, or hardly grows', () => {
    assert.equal(curveVerdict(curveThrough((x) => 5 + x / 50)), 'follows')
    assert.equal(curveVerdict(curveThrough((x) => 5 + (x / 100) ** 2)), 'grows faster')
    assert.equal(curveVerdict(curveThrough((x) => 50 + x / 1000)), 'hardly grows')
    const noise = [1.05, 0.96, 0.97, 1.04]
    assert.equal(curveVerdict(curveThrough((x) => noise[xs.indexOf(x)]! * (30 + x / 80))), 'follows')
  })
})

describe('the parts of a step', () => {
  it('add up to the step', () => {
    const parts = stepParts(run.findings[1]!.profiles![0]!)
    assert.equal(
      parts.reduce((sum, { us }) => sum + us, 0),
      1000,
    )
    assert.deepEqual(parts.at(-1), { part: 'outside the graph', us: 100 })
  })
})

describe('the report', () => {
  it('has tables for rows, curves and the profile, and a figure', async () => {
    const markdown = runMarkdown(run)
    assert.match(markdown, /1\.25x \(1\.20 \.\. 1\.30\) \| >= 1\.10x \| met/)
    assert.match(markdown, /\| context \(128 to 1024 tokens\) \| a \+ b tokens \| 10\.0 \+ 0\.0100 x/)
    assert.match(markdown, /\| MatMulNBits \| 700 \(121\) \|/)
    assert.match(markdown, /- how it was done/)
    const figures = new Map((await drawRun(run)).map(({ name, svg }) => [name, svg]))
    assert.deepEqual([...figures.keys()], ['targets', 'curves', 'step'])
    assert.match(figures.get('targets')!, /a \/ b, &gt;= 1\.10x/)
    assert.match(figures.get('curves')!, /<svg[\s\S]*context[\s\S]*<\/svg>/)
    assert.match(figures.get('step')!, /MatMulNBits/)
  })

  it('draws nothing where there is nothing to draw', async () => {
    assert.deepEqual(await drawRun({ ...run, findings: [] }), [])
  })

  it('replaces what lies between the marks, again and again', () => {
    const page = 'before\n<!-- bench report: begin -->\nold\n<!-- bench report: end -->\nafter\n'
    const once = replaceReport(page, 'new')
    assert.equal(once, 'before\n<!-- bench report: begin -->\n\nnew\n\n<!-- bench report: end -->\nafter\n')
    assert.equal(replaceReport(once, 'new'), once)
    assert.throws(() => replaceReport('no marks', 'new'), /needs the lines/)
  })

  it('finds its marks in the page', () => {
    const page = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
    assert.ok(replaceReport(page, 'x').length > 0)
  })

  it('says every command of the runs it is made of', () => {
    const other = { ...run, command: 'npm run bench -- scale', quick: true, rounds: 1, findings: [] }
    const merged = mergeRuns([run, other, run])
    assert.deepEqual([merged.quick, merged.rounds, merged.findings.length], [true, 1, 2])
    assert.match(runMarkdown(merged), /\n {4}npm run bench -- all\n {4}npm run bench -- scale\n/)
    const elsewhere = { ...other, machine: { ...run.machine, cores: 64 } }
    assert.throws(() => mergeRuns([run, elsewhere]), /different machines/)
  })

  it('takes the last answer to each question', () => {
    const answer = (question: string, note: string) => ({ question, rows: [], notes: [note] })
    const merged = mergeFindings([[answer('a', '1'), answer('b', '1')], [answer('a', '2')]])
    assert.deepEqual(merged, [answer('a', '2'), answer('b', '1')])
  })
})
