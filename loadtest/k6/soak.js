// The mix for a long time; the runner watches the memory of both processes beside it.
import { ask } from './lib/measure.js'
import { drawMethod } from './lib/requests.js'

export const options = {
  scenarios: {
    soak: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE ?? 2),
      timeUnit: '1s',
      duration: `${__ENV.SECONDS ?? 1800}s`,
      gracefulStop: '120s',
      preAllocatedVUs: 50,
      maxVUs: 400,
    },
  },
  thresholds: { answered: ['rate==1'], checks: ['rate==1'] },
}

export default function () {
  ask(drawMethod())
}
