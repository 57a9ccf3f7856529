import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BucketCounts } from '../../src/decoding/bucket-counts.ts'
import { ApiProblem } from '../../src/server/api-problem.ts'
import type { AlignmentReport, EngineReport } from '../../src/server/engine-messages.ts'
import { Metrics } from '../../src/server/metrics/metrics.ts'
import { RequestRecord } from '../../src/server/request-record.ts'
import { idleStats } from './toy-engine.ts'
import { toyGateway } from './toy-gateway.ts'

/** The value of one line of the exposition. */
function seriesValue(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

async function scraped({ app }: ReturnType<typeof toyGateway>): Promise<string> {
  const response = await app.request('/metrics')
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  return await response.text()
}

describe('counts between bounds', () => {
  it('put each value at the lowest bound that it does not exceed, and what exceeds all of them last', () => {
    const counts = new BucketCounts([1, 2, 4])
    for (const value of [0, 1, 1.5, 2, 3, 4, 5, 100]) counts.add(value)
    assert.deepEqual(counts.read(), { bounds: [1, 2, 4], counts: [2, 2, 2, 2], sum: 116.5 })
  })
})

describe('GET /metrics', () => {
  it('counts requests by route, model, policy and status', async () => {
    const toy = toyGateway()
    await (await toy.chat()).text()
    await (await toy.chat({ model: 'tiny-friendly' })).text()
    await (await toy.chat({ alignment: { guides: [{ guide: 'positive', weight: 1 }] } })).text()
    await (await toy.chat({ model: 'who knows' })).text()
    const text = await scraped(toy)
    const requests = (model: string, policy: string, status: number) =>
      seriesValue(
        text,
        `trimtab_requests_total{route="/v1/chat/completions",model="${model}",policy="${policy}",status="${status}"}`,
      )
    assert.equal(requests('tiny', 'none', 200), 1)
    assert.equal(requests('tiny-friendly', 'friendly', 200), 1)
    assert.equal(requests('tiny', 'inline', 200), 1)
    assert.equal(requests('unknown', 'none', 404), 1)
    assert.equal(seriesValue(text, 'trimtab_errors_total{kind="model-not-found"}'), 1)
    assert.equal(seriesValue(text, 'trimtab_inflight_requests'), 0)
  })

  it('lets nobody make series of their own: strange routes and models share one', async () => {
    const toy = toyGateway()
    for (let i = 0; i < 20; i++) {
      await toy.app.request(`/v1/route-${i}`)
      await (await toy.chat({ model: `model-${i}` })).text()
      await (await toy.chat({ alignment: { policy: `policy-${i}` } })).text()
    }
    const text = await scraped(toy)
    assert.doesNotMatch(text, /(route|model|policy)-\d/)
    assert.equal(text.split('\n').filter((line) => line.startsWith('trimtab_requests_total{')).length, 3)
  })

  it('has the tokens and the times of answers, whole and streamed', async () => {
    const toy = toyGateway()
    await (await toy.chat()).text()
    await (await toy.chat({ stream: true })).text()
    // a reply to a call without a server is over when its head is; what follows is noted in its record
    for (const [record, end] of toy.ended) toy.metrics.end(record, end)
    const text = await scraped(toy)
    assert.equal(seriesValue(text, 'trimtab_tokens_total{model="tiny",kind="completion"}'), 3 + 3 + 3)
    assert.equal(seriesValue(text, 'trimtab_tokens_total{model="tiny",kind="cached"}'), 2 + 2 + 2)
    assert.equal(seriesValue(text, 'trimtab_inter_token_seconds_count{model="tiny"}'), 2 * 2)
    assert.equal(seriesValue(text, 'trimtab_inter_token_seconds_bucket{model="tiny",le="+Inf"}'), 2 * 2)
    assert.equal(seriesValue(text, 'trimtab_time_to_first_token_seconds_count{model="tiny"}'), 4)
  })

  it('reports the engine as it is now, and leaves out what a dead one said', async () => {
    const report: EngineReport = {
      ...idleStats,
      running: 3,
      waiting: 2,
      rowsPerStep: { bounds: [1, 2], counts: [4, 5, 6], sum: 50 },
      blocks: { total: 100, live: 30, cached: 7, reserved: 20 },
      rewards: {
        length: { calls: 2, answers: 16, failures: 1, seconds: 0.5, scores: { bounds: [0], counts: [10, 6], sum: 8 } },
      },
    }
    const toy = toyGateway()
    toy.engine.stats = async () => report
    const text = await scraped(toy)
    assert.equal(seriesValue(text, 'trimtab_engine_up'), 1)
    assert.equal(seriesValue(text, 'trimtab_engine_running_sequences'), 3)
    assert.equal(seriesValue(text, 'trimtab_engine_queue_depth'), 2)
    assert.equal(seriesValue(text, 'trimtab_engine_kv_usage_ratio'), 0.5)
    assert.equal(seriesValue(text, 'trimtab_engine_rows_per_step_bucket{le="2"}'), 9)
    assert.equal(seriesValue(text, 'trimtab_engine_rows_per_step_bucket{le="+Inf"}'), 15)
    assert.equal(seriesValue(text, 'trimtab_engine_rows_per_step_sum'), 50)
    assert.equal(seriesValue(text, 'trimtab_reward_failures_total{reward="length"}'), 1)
    assert.equal(seriesValue(text, 'trimtab_reward_score_count{reward="length"}'), 16)
    toy.engine.state = { ...toy.engine.state, status: 'restarting', restarts: 1 }
    const after = await scraped(toy)
    assert.equal(seriesValue(after, 'trimtab_engine_up'), 0)
    assert.equal(seriesValue(after, 'trimtab_engine_restarts_total'), 1)
    assert.equal(seriesValue(after, 'trimtab_engine_running_sequences'), undefined)
  })

  it('is what a parser of the format takes: every series after its HELP and TYPE, no name twice', async () => {
    const text = await scraped(toyGateway())
    const names = [...text.matchAll(/^# TYPE (\S+) (counter|gauge|histogram|summary)$/gm)].map(([, name]) => name!)
    assert.equal(new Set(names).size, names.length)
    for (const line of text.split('\n')) {
      if (line === '' || line.startsWith('#')) continue
      const name = /^[a-z_0-9]+/.exec(line)![0]
      const family = name.replace(/_(bucket|sum|count)$/, '')
      assert.ok(names.includes(name) || names.includes(family), line)
    }
  })
})

describe('what steering came to', () => {
  const report: AlignmentReport = {
    method: 'genarm+particles',
    tokens: { returned: 10, generated: 80, guide: 80, rewardCalls: 8 },
    speculation: {
      rounds: 4,
      drafted: 32,
      examined: 20,
      accepted: 17,
      acceptance: 0.85,
      truncationMost: 0,
      truncationSum: 3,
    },
    trace: undefined,
    outcomes: [
      {
        rewardCalls: 8,
        degraded: 'it failed',
        particles: {
          n: 4,
          logZ: 0,
          collapsed: false,
          chosen: 0,
          steps: [
            {
              tokens: 16,
              effectiveSampleSize: 1,
              resampled: true,
              rewards: undefined,
              ancestors: [],
              texts: undefined,
            },
            {
              tokens: 32,
              effectiveSampleSize: 4,
              resampled: false,
              rewards: undefined,
              ancestors: [],
              texts: undefined,
            },
          ],
        },
      },
      undefined,
    ],
  }

  it('is counted from the report: drafts, checkpoints, resamplings, sample sizes', async () => {
    const metrics = new Metrics('0.0.0')
    const record = new RequestRecord('id', 'POST', '/v1/chat/completions')
    record.model = 'tiny'
    record.alignment = report
    record.failed(new ApiProblem('overloaded', 'full'))
    metrics.begin()
    metrics.end(record, { status: 429, seconds: 1, cut: true })
    const text = await metrics.registry.metrics()
    assert.equal(seriesValue(text, 'trimtab_draft_tokens_total{result="accepted"}'), 17)
    assert.equal(seriesValue(text, 'trimtab_draft_tokens_total{result="rejected"}'), 3)
    assert.equal(seriesValue(text, 'trimtab_draft_tokens_total{result="unread"}'), 12)
    assert.equal(seriesValue(text, 'trimtab_particle_checkpoints_total'), 2)
    assert.equal(seriesValue(text, 'trimtab_particle_resamplings_total'), 1)
    assert.equal(seriesValue(text, 'trimtab_ess_ratio_bucket{le="0.3"}'), 1)
    assert.equal(seriesValue(text, 'trimtab_truncation_bound_sum'), 1)
    assert.equal(seriesValue(text, 'trimtab_degraded_answers_total'), 1)
    assert.equal(seriesValue(text, 'trimtab_aligned_requests_total{method="genarm+particles"}'), 1)
    assert.equal(seriesValue(text, 'trimtab_rejected_total{reason="queue"}'), 1)
    assert.equal(seriesValue(text, 'trimtab_client_disconnects_total'), 1)
  })
})
