import { Command } from 'commander'
import { benchDecode } from './decode.ts'
import { benchProxy } from './proxy.ts'
import { benchSoak } from './soak.ts'
import { benchStreaming } from './streaming.ts'

const program = new Command('bench').description('Measurements of trimtab on this machine; servers stay on loopback')

program
  .command('decode')
  .description("tokens/s of the engine beside llama.cpp's, alternately in one run")
  .requiredOption('--model <folder>', 'SmolLM2-135M-Instruct in Hugging Face layout')
  .option('--llama <folder>', 'folder with llama-batched-bench; without it the rival is reported as missing')
  .option('--gguf <file>', 'the same model as GGUF Q8_0')
  .option('--rounds <n>', 'rounds, alternating', Number, 5)
  .option('--streams <list>', 'numbers of parallel streams', '1,8')
  .option('--weights <format>', 'int8, w8a8, int4 or fp32', 'int8')
  .option('--threads <n>', 'threads of each engine', Number, 2)
  .action(benchDecode)

program
  .command('streaming')
  .description('event-loop lag of the HTTP process and time between chunks while sequences decode')
  .option('--model <folder>', 'a model; without it the embedded family')
  .option('--streams <n>', 'parallel streams', Number, 8)
  .option('--seconds <n>', 'how long', Number, 20)
  .action(benchStreaming)

program
  .command('soak')
  .description('mixed requests, a fifth aborted midway: errors, memory of both processes, K/V blocks')
  .option('--requests <n>', 'requests in all', Number, 2000)
  .option('--parallel <n>', 'requests at a time', Number, 16)
  .option('--config <file>', 'a configuration; without it the embedded family')
  .action(benchSoak)

program
  .command('proxy')
  .description(
    'what passing through adds, at a constant rate over an engine that answers at once, beside direct calls and rivals',
  )
  .option('--rate <n>', 'requests per second', Number, 200)
  .option('--seconds <n>', 'of each round', Number, 10)
  .option('--rounds <n>', 'rounds, alternating', Number, 3)
  .option('--engine-port <n>', 'port of the engine, for rivals to point at', Number, 0)
  .option('--rival <json>', '{"name", "url", "pid", "headers"} of a proxy before that port', collect, [])
  .action(benchProxy)

await program.parseAsync()

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}
