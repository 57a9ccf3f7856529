// The mix of methods at RATE a second for SECONDS, whether or not earlier requests are answered.
export const mixAtRate = (seconds) => ({
  executor: 'constant-arrival-rate',
  rate: Number(__ENV.RATE ?? 2),
  timeUnit: '1s',
  duration: `${__ENV.SECONDS ?? seconds}s`,
  gracefulStop: '120s',
  preAllocatedVUs: 50,
  maxVUs: 400,
})
