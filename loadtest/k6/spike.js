// A quiet time, ten times as much at once, a quiet time: the queue fills, refuses, and empties again.
import { ask } from './lib/measure.js'

const rate = Number(__ENV.RATE ?? 4)
const seconds = Number(__ENV.SECONDS ?? 60)
const third = `${Math.ceil(seconds / 3)}s`

export const options = {
  scenarios: {
    spike: {
      executor: 'ramping-arrival-rate',
      startRate: rate,
      timeUnit: '1s',
      gracefulStop: '120s',
      preAllocatedVUs: 100,
      maxVUs: 1000,
      stages: [
        { target: rate, duration: third },
        { target: rate * 10, duration: '1s' },
        { target: rate * 10, duration: third },
        { target: rate, duration: '1s' },
        { target: rate, duration: third },
      ],
    },
  },
  thresholds: { answered: ['rate==1'], checks: ['rate==1'] },
}

export default function () {
  ask('plain', { expected: ['429 rate_limit_exceeded'] })
}
