import { Worker } from 'node:worker_threads'

const mebibytes = 512
const passes = 4

// One byte that does not occur is looked for in an array far larger than any cache: memchr reads it once, in wide loads.
const scan = `
const { parentPort, workerData } = require('node:worker_threads')
const bytes = Buffer.alloc(workerData.size, 1)
bytes.indexOf(2)
parentPort.postMessage('ready')
parentPort.on('message', () => {
  const start = process.hrtime.bigint()
  for (let pass = 0; pass < workerData.passes; pass++) if (bytes.indexOf(2) >= 0) throw new Error('found')
  parentPort.postMessage(Number(process.hrtime.bigint() - start) / 1e9)
})`

/** Reads memory with as many threads as the engine has. */
export interface BandwidthMeter {
  /** Bytes/s over all threads, of the best of a few passes' groups. */
  measure(): Promise<number>
  close(): Promise<void>
}

export async function openBandwidthMeter(threads: number): Promise<BandwidthMeter> {
  const size = Math.floor((mebibytes * 2 ** 20) / threads)
  const workers = Array.from({ length: threads }, () => new Worker(scan, { eval: true, workerData: { size, passes } }))
  await Promise.all(workers.map(nextMessage))
  const once = async () => {
    const seconds = await Promise.all(
      workers.map((worker) => {
        const answer = nextMessage(worker)
        worker.postMessage('go')
        return answer
      }),
    )
    return (size * threads * passes) / Math.max(...seconds.map(Number))
  }
  return {
    async measure() {
      let best = 0
      for (let i = 0; i < 3; i++) best = Math.max(best, await once())
      return best
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.terminate()))
    },
  }
}

const nextMessage = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
