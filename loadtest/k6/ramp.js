// To saturation and past it: each of RATES (requests a second) for STEP seconds. Refusals of a full queue are what should happen.
import { ask } from './lib/measure.js'

const rates = (__ENV.RATES ?? '1,2,4,8,16,32,64').split(',').map(Number)
const step = Number(__ENV.STEP ?? 20)

export const options = {
  scenarios: Object.fromEntries(
    rates.map((rate, index) => [
      `rate_${rate}`,
      {
        executor: 'constant-arrival-rate',
        rate,
        timeUnit: '1s',
        duration: `${step}s`,
        startTime: `${index * step}s`,
        gracefulStop: '120s',
        preAllocatedVUs: 100,
        maxVUs: 1000,
        tags: { stage: String(rate) },
      },
    ]),
  ),
  thresholds: { answered: ['rate==1'], checks: ['rate==1'] },
}

export default function () {
  ask('plain', { expected: ['429 rate_limit_exceeded'] })
}
