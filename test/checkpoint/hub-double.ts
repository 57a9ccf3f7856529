import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface HubDouble {
  readonly url: string
  /** `METHOD path range` of every request so far. */
  readonly requests: string[]
  /** What the next answers do wrong. */
  readonly faults: HubFaults
  close(): void
}

export interface HubFaults {
  /** Bodies of large files end, with their connection, after so many bytes, so many times. */
  cutAfter?: number | undefined
  cuts?: number
  /** Every answer has this status. */
  status?: number | undefined
  /** Large files have one other byte than the listing's digest is of. */
  corrupt?: boolean
  /** Ranges are not understood: all of a file comes each time. */
  ignoreRange?: boolean
}

export const commit = 'c'.repeat(40)

/**
 * The three parts of the hub's API that pulling uses: a revision's commit, the listing, and files, of which those in
 * large-file storage (safetensors) are redirected to another address.
 */
export async function startHubDouble(id: string, files: Readonly<Record<string, Buffer>>): Promise<HubDouble> {
  const requests: string[] = []
  const faults: HubFaults = {}
  const server = createServer((request, response) => {
    const range = request.headers.range ?? ''
    requests.push(`${request.method} ${request.url?.split('?')[0]} ${range}`.trim())
    answer(id, files, faults, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    server.close()
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, faults, close }
}

function answer(
  id: string,
  files: Readonly<Record<string, Buffer>>,
  faults: HubFaults,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = request.url?.split('?')[0] ?? ''
  const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
  if (faults.status !== undefined) return void response.writeHead(faults.status).end()
  if (path === `/api/models/${id}/revision/main`)
    return void json({ _id: '1', id, sha: commit, downloads: 0, likes: 0 })
  if (path === `/api/models/${id}/tree/${commit}`)
    return void json(Object.entries(files).map(([name, data]) => entry(name, data)))
  const name = path.split('/').at(-1) ?? ''
  const data = files[name]
  if (data === undefined) return void response.writeHead(404).end()
  const large = name.endsWith('.safetensors')
  if (path === `/${id}/resolve/${commit}/${name}` && large) {
    return void response.writeHead(302, { location: `/storage/${name}` }).end()
  }
  sendFile(large ? stored(data, faults) : data, faults, large, request, response)
}

function stored(data: Buffer, faults: HubFaults): Buffer {
  const bytes = Buffer.from(data)
  if (faults.corrupt === true) bytes[bytes.length - 1]! ^= 1
  return bytes
}

function sendFile(
  data: Buffer,
  faults: HubFaults,
  large: boolean,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const start = faults.ignoreRange === true ? 0 : Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const body = data.subarray(start)
  const range = start > 0 ? { 'content-range': `bytes ${start}-${data.length - 1}/${data.length}` } : {}
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': body.length, ...range })
  if (!large || faults.cutAfter === undefined || (faults.cuts ?? 0) <= 0) return void response.end(body)
  faults.cuts = (faults.cuts ?? 0) - 1
  response.write(body.subarray(0, faults.cutAfter), () => setTimeout(() => response.destroy(), 20))
}

function entry(path: string, data: Buffer): Record<string, unknown> {
  const oid = createHash('sha1').update(`blob ${data.length}\0`).update(data).digest('hex')
  const plain = { type: 'file', path, size: data.length, oid }
  if (!path.endsWith('.safetensors')) return plain
  const lfs = { oid: createHash('sha256').update(data).digest('hex'), size: data.length, pointerSize: 130 }
  return { ...plain, oid: '0'.repeat(40), lfs }
}
