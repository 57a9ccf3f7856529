import assert from 'node:assert/strict'

/** Where the server is and what it serves; `npm run compat` sets them. */
export const { COMPAT_URL: baseURL, COMPAT_LOCAL: local, COMPAT_UPSTREAM: upstream } = process.env

export const question = 'Write a review of the Abbey Hotel.'
export const alignment = { guides: [{ guide: 'positive', weight: 1 }] }

/** Runs one case and prints its outcome; a text that it returns is shown in the table. */
export async function attempt(name, work) {
  try {
    print({ case: name, outcome: 'pass', detail: (await work()) ?? '' })
  } catch (error) {
    print({ case: name, outcome: 'fail', detail: `${error?.name}: ${error?.message}`.slice(0, 300) })
  }
}

/** The client must raise this status, with the server's message in it. */
export async function refused(work, status, message) {
  let raised
  try {
    await work()
  } catch (error) {
    raised = error
  }
  assert.ok(raised, 'nothing was raised')
  assert.equal(raised.status ?? raised.statusCode ?? raised.lastError?.statusCode, status)
  assert.match(raised.message, message)
  return `${status}`
}

function print(outcome) {
  process.stdout.write(`${JSON.stringify(outcome)}\n`)
}
