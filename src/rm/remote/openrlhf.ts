import { z } from 'zod'
import { joined } from './judged-text.ts'
import { counted, number, plainVerdicts, read } from './read-reply.ts'
import { remoteFields } from './remote-options.ts'
import { wireFormat } from './wire-format.ts'

// a tensor of one column becomes lists of one
const reward = z.union([number, z.tuple([number]).transform(([one]) => one)])
const reply = z.looseObject({ rewards: z.array(reward) })

/** What OpenRLHF's `--remote_rm_url` points at: whole texts, prompts and reference answers in, one number each out. */
export const openrlhf = wireFormat({
  options: z.strictObject({
    ...remoteFields('openrlhf', "A server for OpenRLHF's `--remote_rm_url`.", 64),
    path: z.string().startsWith('/').default('/get_reward').describe('Its route below the upstream.'),
    partial: z.boolean().default(false).describe('Whether it can judge the beginnings of answers.'),
  }),
  open: (_name, { path, partial }) => ({
    traits: { partial, range: undefined, relative: false },
    async judge(question, answers, ask, signal) {
      const body = {
        query: answers.map((answer) => joined(question, answer, undefined)),
        prompts: answers.map(() => question.text),
        labels: answers.map(() => question.references?.[0] ?? ''),
      }
      const { rewards } = read(reply, await ask(path, body, signal))
      return plainVerdicts(counted(rewards, answers.length))
    },
  }),
})
