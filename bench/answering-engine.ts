import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { argv } from 'node:process'

/** An engine that answers at once, in a process of its own: what remains is the cost of the way. */
const content = 'word '.repeat(100)
const usage = { prompt_tokens: 10, completion_tokens: 100, total_tokens: 110 }
const completion = JSON.stringify({
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1_700_000_000,
  model: 'llama',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
  usage,
})

const server = createServer((incoming, response) => {
  incoming.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(completion) })
    response.end(completion)
  })
})
server.listen(Number(argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
