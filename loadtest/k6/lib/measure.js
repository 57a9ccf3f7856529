import { check } from 'k6'
import exec from 'k6/execution'
import http from 'k6/http'
import { Counter, Rate, Trend } from 'k6/metrics'
import { chatBody } from './requests.js'

export const url = `${__ENV.TARGET}/v1/chat/completions`

const ttft = new Trend('ttft_ms', true)
const interToken = new Trend('inter_token_ms', true)
const tokens = new Counter('tokens')
const failures = new Counter('failures')
export const answered = new Rate('answered')

const headers = { 'content-type': 'application/json', 'x-trimtab-timings': 'true' }

/**
 * Sends one request of a method and notes how it went: as metrics, for thresholds, and as a line of JSON, for the report.
 * k6 gives an event stream only when it is whole, so times between tokens are those that the server tells.
 * @param expected kinds of failure that belong to the test, such as the refusal of a full queue
 */
export function ask(method, { expected = [], timeout = '120s', maxTokens } = {}) {
  const response = http.post(url, JSON.stringify(chatBody(method, maxTokens)), { headers, timeout, tags: { method } })
  const told = read(response)
  const stage = exec.vu.metrics.tags.stage ?? exec.scenario.name
  record(method, told)
  answered.add(told.kind === 'ok' || expected.includes(told.kind), { method })
  check(told, { 'an answer, or a failure that says so': ({ kind }) => kind !== 'cut' })
  console.log(JSON.stringify({ at: Date.now(), stage, method, ...told }))
  return told
}

function record(method, { kind, text, generated }) {
  if (kind !== 'ok') failures.add(1, { method, kind })
  if (text.length === 0) return
  tokens.add(generated, { method })
  ttft.add(text[0], { method })
  for (let i = 1; i < text.length; i++) interToken.add(text[i] - text[i - 1], { method })
}

/** What a reply says of itself. */
export function read(response) {
  const body = typeof response.body === 'string' ? response.body : ''
  const timings = /^: timings (.*)$/m.exec(body)
  const { text_ms: text } = timings === null ? { text_ms: [] } : JSON.parse(timings[1])
  const returned = lastNumber(body, /"completion_tokens":(\d+)/g)
  return {
    kind: kindOf(response, body),
    status: response.status,
    ms: response.timings.duration,
    waiting_ms: response.timings.waiting,
    text,
    returned,
    generated: lastNumber(body, /"generated":(\d+)/g) || returned,
  }
}

function lastNumber(text, pattern) {
  let last = 0
  for (const match of text.matchAll(pattern)) last = Number(match[1])
  return last
}

/** `ok`, or the one word by which failures are counted. */
function kindOf(response, body) {
  if (response.status === 0) return `no reply: ${response.error}`.slice(0, 60)
  if (response.status !== 200) return `${response.status} ${codeOf(body)}`
  const frame = /^data: (\{"error":.*)$/m.exec(body)
  if (frame !== null) return `frame ${codeOf(frame[1])}`
  return /^data: \[DONE\]$/m.test(body) ? 'ok' : 'cut'
}

function codeOf(text) {
  try {
    const { error } = JSON.parse(text)
    return error.code ?? error.type
  } catch (_notJson) {
    return 'not an OpenAI error'
  }
}
