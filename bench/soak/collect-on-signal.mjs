import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// Imported by the processes of a soak run: garbage that nobody has collected yet is no leak.
setFlagsFromString('--expose_gc')
const collect = runInNewContext('gc')
process.on('SIGCONT', () => collect())
