import type { AlignmentDescription } from '../../src/server/alignment-catalogue.ts'
import { getJson } from '../api/get-json.ts'
import { offer, run, setting } from './store.ts'

/** Asks what there is, and shows a first answer. */
export async function start(): Promise<void> {
  const found = await getJson<AlignmentDescription>('/v1/alignment')
  offer.value = found
  const model = found.models.find(({ steerable }) => steerable) ?? found.models[0]
  setting.value = { ...setting.value, model: model?.id ?? '', prompt: 'Write a review of the Abbey Hotel.' }
  run()
}
