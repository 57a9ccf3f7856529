/** Of one connection only (RFC 9110, 7.6.1), and what the other side of a proxy computes itself. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What a client sends to us and nobody else: its keys, and what the HTTP client sets. */
const keptFromUpstream = new Set([
  ...hopByHop,
  'host',
  'content-length',
  'expect',
  'authorization',
  'x-api-key',
  'api-key',
  'cookie',
])

/** Headers named so are ours, in both directions. */
const ownPrefix = 'x-trimtab-'

/** The request's headers as an upstream gets them, names and values in turn; a trace of our own takes the place of the client's, of which it is a part. */
export function headersForUpstream(
  rawHeaders: readonly string[],
  requestId: string,
  traceparent?: string,
): readonly string[] {
  const named = namedByConnection(rawHeaders)
  const kept = filter(rawHeaders, (name) => {
    return (
      !keptFromUpstream.has(name) &&
      !named.has(name) &&
      !name.startsWith(ownPrefix) &&
      name !== 'x-request-id' &&
      !(name === 'traceparent' && traceparent !== undefined)
    )
  })
  const traced = traceparent === undefined ? [] : ['traceparent', traceparent]
  return [...kept, 'x-request-id', requestId, ...traced]
}

/** The reply's headers as the client gets them: the upstream's, then ours. */
export function headersForClient(
  rawHeaders: readonly string[],
  own: {
    readonly requestId: string
    readonly upstream: string
    /** Further ones of ours, which win over the upstream's; what a reply varies by adds up. */
    readonly others: readonly (readonly [name: string, value: string])[]
  },
): readonly string[] {
  const named = namedByConnection(rawHeaders)
  const others = own.others.filter(([name]) => name !== 'x-request-id' && name !== 'content-type')
  const replaced = new Set(others.map(([name]) => name).filter((name) => name !== 'vary'))
  const headers: string[] = []
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (hopByHop.includes(name) || named.has(name) || name.startsWith(ownPrefix) || replaced.has(name)) continue
    headers.push(name === 'x-request-id' ? `${ownPrefix}upstream-request-id` : rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  return [...headers, ...others.flat(), 'x-request-id', own.requestId, `${ownPrefix}upstream`, own.upstream]
}

/** `Connection: close, X-Foo` makes X-Foo belong to the connection too. */
function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  const named = new Set<string>()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i]!.toLowerCase() !== 'connection') continue
    for (const name of rawHeaders[i + 1]!.split(',')) named.add(name.trim().toLowerCase())
  }
  return named
}

function filter(rawHeaders: readonly string[], keep: (name: string) => boolean): readonly string[] {
  return rawHeaders.filter((_, i) => keep(rawHeaders[i - (i % 2)]!.toLowerCase()))
}
