import { aligned, setting } from '../state/store.ts'
import { Candidates } from './candidates.tsx'
import { Genealogy } from './genealogy.tsx'

/** What stands behind an answer that was chosen among others. */
export function Population() {
  const { alignment: own, previous, progress, status } = aligned.answer.value
  const alignment = own ?? (status === 'failed' ? undefined : previous)
  if (alignment !== undefined && 'particles' in alignment && alignment.particles !== undefined) {
    return <Genealogy particles={alignment.particles} />
  }
  if (alignment !== undefined && 'candidates' in alignment && alignment.candidates !== undefined) {
    return <Candidates candidates={alignment.candidates} bestOf={alignment.best_of} />
  }
  const what = setting.value.method === 'best_of' ? 'candidates' : 'particles'
  return <p class="empty">{progress === '' ? `Run it to see the ${what}.` : progress}</p>
}
