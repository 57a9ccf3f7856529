// The mix for a long time; the runner watches the memory of both processes beside it.
import { ask } from './lib/measure.js'
import { mixAtRate } from './lib/mix-at-rate.js'
import { drawMethod } from './lib/requests.js'

export const options = {
  scenarios: { soak: mixAtRate(1800) },
  thresholds: { answered: ['rate==1'], checks: ['rate==1'] },
}

export default function () {
  ask(drawMethod())
}
