import { SingleBar } from 'cli-progress'

/** Counts on the terminal; silent where there is none. */
export function progressBar(counted = 'answers'): SingleBar {
  return new SingleBar({
    format: `{bar} {value}/{total} ${counted}, {eta_formatted} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    etaBuffer: 400,
  })
}
