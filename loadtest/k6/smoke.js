// Does every method answer? One request of each in turn, twice.
import { ask } from './lib/measure.js'
import { methods } from './lib/requests.js'

export const options = {
  scenarios: { smoke: { executor: 'per-vu-iterations', vus: 1, iterations: 2 } },
  thresholds: { answered: ['rate==1'], checks: ['rate==1'], ttft_ms: ['p(95)<5000'] },
}

export default function () {
  for (const method of Object.keys(methods)) ask(method)
}
