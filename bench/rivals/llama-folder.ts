import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { MissingRival } from '../missing.ts'

/** llama.cpp's programs, ready to run. */
export interface LlamaPrograms {
  program(name: LlamaProgram): string
  readonly env: NodeJS.ProcessEnv
  /** Removes what was made to let them run. */
  close(): void
}

export type LlamaProgram = 'llama-batched-bench' | 'llama-bench' | 'llama-server' | 'llama-quantize'

const howTo =
  'build llama.cpp (cmake -B build && cmake --build build) and give its build/bin with --llama or TRIMTAB_LLAMA_BIN'

/** @throws MissingRival without a folder, or where it lacks a program */
export function openLlama(folder: string | undefined): LlamaPrograms {
  if (folder === undefined) throw new MissingRival('llama.cpp', howTo)
  const links = linkLibraries(folder)
  return {
    program(name) {
      const path = join(folder, name)
      if (existsSync(path)) return path
      throw new MissingRival('llama.cpp', `${folder} has no ${name}; ${howTo}`)
    },
    env: { LD_LIBRARY_PATH: [folder, join(dirname(folder), 'lib'), links].join(':') },
    close: () => rmSync(links, { recursive: true }),
  }
}

/** Packages of wheels leave out symbolic links: programs then ask for libllama.so.0 beside a libllama.so or libllama.so.0.1.2. */
function linkLibraries(folder: string): string {
  const links = mkdtempSync(join(tmpdir(), 'trimtab-llama-'))
  for (const directory of [folder, join(dirname(folder), 'lib')]) {
    if (!existsSync(directory)) continue
    const names = readdirSync(directory)
    for (const name of names) {
      for (const link of missingLinks(name)) {
        if (!names.includes(link) && !existsSync(join(links, link)))
          symlinkSync(join(directory, name), join(links, link))
      }
    }
  }
  return links
}

/** Names under which a program may ask for a library's file. */
export function missingLinks(file: string): string[] {
  const [, stem, version] = /^(lib[^/]+\.so)((?:\.\d+)*)$/.exec(file) ?? []
  if (stem === undefined) return []
  if (version === '') return [`${stem}.0`]
  const parts = version!.slice(1).split('.')
  return [stem, ...parts.slice(0, -1).map((_, i) => `${stem}.${parts.slice(0, i + 1).join('.')}`)]
}
