// Every method in the shares of lib/requests.js, each request with weights of its own.
import { ask } from './lib/measure.js'
import { mixAtRate } from './lib/mix-at-rate.js'
import { drawMethod, mix } from './lib/requests.js'

export const options = {
  scenarios: { mixed: mixAtRate(60) },
  thresholds: {
    answered: ['rate==1'],
    checks: ['rate==1'],
    ...Object.fromEntries(mix.map(([method]) => [`answered{method:${method}}`, ['rate==1']])),
    'ttft_ms{method:plain}': ['p(95)<2000'],
    'ttft_ms{method:genarm}': ['p(95)<2000'],
  },
}

export default function () {
  ask(drawMethod())
}
