// Clients that leave, that send far too much, that send rubbish, beside honest ones who must not notice.
// The runner adds readers that stop reading.
import { check } from 'k6'
import http from 'k6/http'
import { ask, url } from './lib/measure.js'
import { chatBody } from './lib/requests.js'

const duration = `${__ENV.SECONDS ?? 60}s`
const headers = { 'content-type': 'application/json' }
const oversized = JSON.stringify({ ...chatBody('plain'), messages: [{ role: 'user', content: 'x'.repeat(3 << 20) }] })
const rubbish = ['', '{', '[]', 'null', '{"model":"tiny"}', '{"model":"tiny","messages":7}', '\u0000'.repeat(100)]

const clients = (exec, rate) => ({
  executor: 'constant-arrival-rate',
  exec,
  rate,
  timeUnit: '1s',
  duration,
  preAllocatedVUs: 20,
  maxVUs: 200,
})

export const options = {
  scenarios: {
    honest: clients('honest', Number(__ENV.RATE ?? 2)),
    leaving: clients('leaving', 4),
    oversized: clients('tooMuch', 1),
    rubbish: clients('nonsense', 10),
  },
  thresholds: { answered: ['rate==1'], checks: ['rate==1'], 'ttft_ms{scenario:honest}': ['p(95)<2000'] },
}

export function honest() {
  ask('plain')
}

/** A whole answer is asked for and left after 50 ms: k6 counts that as a failed request, which it is not here. */
export function leaving() {
  http.post(url, JSON.stringify({ ...chatBody('composed', 400), ignore_eos: true }), { headers, timeout: '50ms' })
}

export function tooMuch() {
  const { status } = http.post(url, oversized, { headers })
  // The server may close the connection before the client has sent everything.
  check(status, { 'too large: refused with 413, or cut off': () => status === 413 || status === 0 })
}

export function nonsense() {
  const { status } = http.post(url, rubbish[Math.floor(Math.random() * rubbish.length)], { headers })
  check(status, { 'rubbish: refused with 400': () => status === 400 })
}
