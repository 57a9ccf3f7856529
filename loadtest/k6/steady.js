// Plain requests at a constant rate well below saturation: RATE a second for SECONDS.
import { ask } from './lib/measure.js'

const rate = Number(__ENV.RATE ?? 4)

export const options = {
  scenarios: {
    steady: {
      executor: 'constant-arrival-rate',
      rate,
      timeUnit: '1s',
      duration: `${__ENV.SECONDS ?? 60}s`,
      preAllocatedVUs: 50,
      maxVUs: 400,
    },
  },
  thresholds: {
    answered: ['rate==1'],
    checks: ['rate==1'],
    ttft_ms: ['p(95)<1000'],
    inter_token_ms: ['p(99)<500'],
    dropped_iterations: ['count==0'],
  },
}

export default function () {
  ask('plain')
}
