/** Posts JSON and reads the whole reply. @throws Error with the reply of anything but 200 */
export async function postJson(url: string, body: object): Promise<unknown> {
  const response = await post(url, body)
  return await response.json()
}

async function post(url: string, body: object): Promise<Response> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${url}: ${response.status} ${(await response.text()).slice(0, 500)}`)
  return response
}

/** Seconds from sending to the last byte of the reply. */
export async function secondsOf(url: string, body: object): Promise<{ seconds: number; reply: unknown }> {
  const start = performance.now()
  const reply = await postJson(url, body)
  return { seconds: (performance.now() - start) / 1000, reply }
}

/** When a streamed reply's frames came. */
export interface StreamTimes {
  /** Milliseconds of the clock: first frame with text, last byte. */
  readonly first: number
  readonly end: number
  readonly tokens: number
}

/** Streams one completion with its usage; frames are counted by the last one's token count. */
export async function streamTimes(url: string, body: object): Promise<StreamTimes> {
  const response = await post(url, { ...body, stream: true, stream_options: { include_usage: true } })
  const decoder = new TextDecoder()
  let first: number | undefined
  let rest = ''
  let tokens = 0
  for await (const bytes of response.body!) {
    rest += decoder.decode(bytes, { stream: true })
    if (first === undefined && /"(?:text|content)":"[^"]/.test(rest)) first = performance.now()
    const usage = /"completion_tokens":(\d+)/.exec(rest)
    if (usage !== null) tokens = Number(usage[1])
    // a frame cut in two is read with the next bytes
    rest = rest.slice(rest.lastIndexOf('\n\n') + 1)
  }
  const end = performance.now()
  if (first === undefined || tokens === 0) throw new Error(`${url}: the stream said nothing`)
  return { first, end, tokens }
}
