// A child that speaks the engine's messages; the model's name in the setup says how it behaves.
let behaviour = ''
const open = new Map()
let heldBytes = 500
const events = (...list) => process.send({ type: 'generation-events', events: list })

process.on('disconnect', () => process.exit())
process.on('message', (command) => {
  if (command.type === 'engine-start') {
    behaviour = command.setup.models[0].name
    if (behaviour === 'broken')
      return void process.send({ type: 'engine-failed', message: 'no such file' }, () => process.exit(1))
    process.send({ type: 'engine-progress', message: 'loading' })
    if (behaviour === 'slow') return
    process.send({
      type: 'engine-ready',
      models: [{ name: 'tiny', weights: 'int8', contextLength: 9, hasChatTemplate: true, checkpoint: 'fake' }],
    })
  }
  if (command.type === 'generation-request') generate(command.id, command.request)
  if (command.type === 'generation-abort') {
    clearInterval(open.get(command.id))
    if (open.delete(command.id) && behaviour !== 'leaky') heldBytes = 500
  }
  if (command.type === 'stats-request') {
    process.send({
      type: 'stats',
      id: command.id,
      stats: { running: open.size, pid: process.pid, residentBytes: heldBytes },
    })
  }
})

function generate(id, request) {
  const [{ text }] = request.prompts
  if (text === 'crash') process.kill(process.pid, 'SIGKILL')
  if (text === 'freeze') process.kill(process.pid, 'SIGSTOP')
  if (text === 'refuse') {
    const failure = { kind: 'context-length', message: 'too long', param: undefined }
    return events([id, { type: 'generation-error', failure }])
  }
  if (text === 'large') heldBytes = 5000
  if (text === 'endless' || text === 'large') {
    return void open.set(
      id,
      setInterval(() => events([id, { type: 'choice-delta', index: 0, text: 'x' }]), 2),
    )
  }
  const usage = { promptTokens: 1, completionTokens: 1, cachedTokens: 0 }
  events(
    [id, { type: 'choice-delta', index: 0, text }],
    [id, { type: 'choice-end', index: 0, finishReason: 'stop' }],
    [id, { type: 'generation-end', usage, alignment: undefined }],
  )
}
