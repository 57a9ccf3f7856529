import { after } from 'node:test'
import { openUpstream } from '../../../src/decoding/upstream/http/pooled-upstream.ts'
import { endpoint } from '../../../src/rm/remote/endpoint.ts'
import { remoteReward } from '../../../src/rm/remote/remote-reward.ts'
import { openWireFormat, remoteOptions } from '../../../src/rm/remote/wire-formats.ts'
import type { Reward } from '../../../src/rm/reward.ts'
import { checkedReward } from '../../../src/rm/reward-verdicts.ts'
import { type Answer, type FakeUpstream, fakeUpstream, sayJson } from '../../upstream/fake-upstream.ts'
import { testSettings } from '../../upstream/settings.ts'
import type { DoubleReply, RewardDouble } from './reward-doubles.ts'

/** Answers as the double does, after `change` had its way with the reply. */
export function sayReply(double: RewardDouble, change: (reply: DoubleReply) => void = () => {}): Answer {
  return (request, response) => {
    if (request.method !== 'POST' || request.url !== double.path)
      return sayJson(404, { error: { message: `no ${request.url}` } })(request, response)
    const body = double.body.safeParse(JSON.parse(request.body.toString()))
    if (!body.success) return sayJson(400, { error: { message: body.error.message } })(request, response)
    const reply = double.reply(body.data as never)
    change(reply)
    return sayJson(200, reply.json)(request, response)
  }
}

export interface ServedReward {
  readonly reward: Reward
  readonly server: FakeUpstream
}

/** A reward over HTTP as the catalogue opens it, with a server that answers as the double. */
export async function serveReward(
  double: RewardDouble,
  options: Readonly<Record<string, unknown>> = {},
): Promise<ServedReward> {
  const server = await fakeUpstream(sayReply(double))
  const client = openUpstream(testSettings([server.url], { apiKey: 'secret' }))
  after(async () => {
    await client.close()
    await server.close()
  })
  const parsed = remoteOptions.parse({ kind: 'remote', upstream: 'gpu', ...double.options, ...options })
  const details = { upstream: 'gpu', batch: parsed.batch, ask: endpoint(client, parsed) }
  return { reward: checkedReward(remoteReward('judge', openWireFormat('judge', parsed), details)), server }
}
