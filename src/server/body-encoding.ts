import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate } from 'node:zlib'
import { ApiProblem } from './api-problem.ts'

const decoders = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
}

/**
 * A compressed body as it reads, off the HTTP thread, at most `limitBytes` of it; only to see what it asks for. A body that does not
 * decompress reads as nothing.
 * @throws ApiProblem for an encoding that cannot be looked into, and for what is larger than the limit
 */
export async function decodedForGlance(bytes: Buffer, encoding: string, limitBytes: number): Promise<Buffer> {
  const name = encoding.trim().toLowerCase()
  if (name === 'identity') return bytes
  if (!isKnown(name)) {
    const message = `The header Content-Encoding is not supported with '${encoding}', only ${Object.keys(decoders).join(', ')}.`
    throw new ApiProblem('unsupported', message, { param: 'Content-Encoding' })
  }
  try {
    return await decoders[name](bytes, { maxOutputLength: limitBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return Buffer.alloc(0)
    throw new ApiProblem('body-too-large', `The body decompresses to more than the limit of ${limitBytes} bytes.`)
  }
}

function isKnown(name: string): name is keyof typeof decoders {
  return Object.hasOwn(decoders, name)
}
