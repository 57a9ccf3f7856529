import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { drawBestOfChart } from '../../eval/best-of-chart.ts'
import { bestOfPoint } from '../../eval/best-of-curve.ts'
import { drawMethodsChart } from '../../eval/methods-chart.ts'
import { comparePaired } from '../../eval/paired-test.ts'
import { drawParticlesChart } from '../../eval/particles-chart.ts'
import { drawStreamingChart } from '../../eval/streaming-chart.ts'
import type { Task } from '../../eval/task.ts'

const task: Task = { name: 'reviews', prompts: [], maxTokens: 8, reward: 'sentiment', truth: undefined }
const some = { estimate: 0.5, low: 0.4, high: 0.6 }

const shows = (svg: string, texts: readonly string[]) => {
  for (const text of texts) assert.ok(svg.includes(`>${text}<`), text)
}

describe('figures of whole answers', () => {
  it('show best-of-N over n and over KL', async () => {
    const prompts = [0, 1, 2].map((reward) => {
      return { samples: [0, 1, 2, 3], chosen: { reward, worth: reward, klEstimate: 0.1 } }
    })
    const svg = await drawBestOfChart([{ task, points: [1, 2, 4].map((n) => bestOfPoint(n, prompts)) }])
    shows(svg, ['reviews: reward', 'reviews: KL', 'reviews: reward over KL', 'sentiment', 'n'])
    assert.ok(!svg.includes('NaN'))
  })

  it('show methods by name, particles beside best-of-N, and when streams begin', async () => {
    const methods = ['base', 'reasoner', 'best of 8'].map((name) => {
      return { name, sound: some, generated: { estimate: 43, low: 40, high: 46 }, reward: undefined }
    })
    shows(await drawMethodsChart(methods), ['base', 'best of 8', 'with reasoner', '50%', '43'])
    const values = { particles: some, bestOf: some, compared: comparePaired([1, 2], [2, 1]) }
    const contest = { task, n: 4, tokens: values, worth: values, reward: values }
    shows(await drawParticlesChart([contest]), ['4 particles', 'best-of-N', 'reviews, judged by sentiment'])
    const start = { task, setting: 'always', early: some, earlyOfLong: some, starts: [0.2, 0.4, 1], worth: some }
    shows(await drawStreamingChart([start]), ['always', 'runs that stream', 'share of the answer decoded'])
  })
})
