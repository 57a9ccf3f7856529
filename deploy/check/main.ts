import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'
import { checkConfig, type Manifest, manifestsOf } from './rendered-chart.ts'
import { isThere, type Outcome, run, type Tool, tools } from './tool.ts'

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url))
const chart = path('helm/trimtab')
const customResources =
  'https://raw.githubusercontent.com/datreeio/CRDs-catalog/main/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json'
const valueFiles = [undefined, 'helm/values/vllm-gpu.yaml', 'helm/values/many-gateways.yaml'] as const

let failures = 0
let unreachable = 0
const missing: readonly Tool[] = Object.values<Tool>(tools).filter((tool) => !isThere(tool))

check('Dockerfile', tools.hadolint, () => run('hadolint', [path('docker/Dockerfile')]))
for (const values of valueFiles) {
  const flags = values === undefined ? [] : ['--values', path(values)]
  const name = values ?? 'the chart as it is'
  check(`${name}: lint`, tools.helm, () => run('helm', ['lint', '--strict', chart, ...flags]))
  if (missing.includes(tools.helm)) continue
  const rendered = run('helm', ['template', 'trimtab', chart, '--kube-version', '1.33.0', ...flags])
  report(`${name}: render`, rendered)
  if (!rendered.ok) continue
  report(`${name}: configuration`, configurationOf(manifestsOf(rendered.printed)))
  check(`${name}: manifests`, tools.kubernetesValidate, () => validated(rendered.printed))
  check(`${name}: manifests, with custom resources`, tools.kubeconform, () => conforming(rendered.printed))
}
check('compose.yaml', tools.compose, composed)
check('prometheus.yaml', tools.promtool, () =>
  run('promtool', ['check', 'config', '--syntax-only', path('compose/prometheus/prometheus.yaml')]),
)

for (const { program, how } of missing) process.stdout.write(`MISSING   ${program}, so not all was checked: ${how}\n`)
if (failures + missing.length + unreachable > 0) process.exitCode = 1
else process.stdout.write('all checked\n')

function check(what: string, tool: Tool, ask: () => Outcome): void {
  if (!missing.includes(tool)) report(`${what} (${tool.program})`, ask())
}

function report(what: string, { ok, said }: { readonly ok: boolean; readonly said: string }): void {
  if (said.includes('failed downloading schema')) {
    unreachable++
    process.stdout.write(`UNCHECKED ${what}: its schemas are on GitHub, which cannot be reached\n`)
    return
  }
  if (!ok) failures++
  process.stdout.write(`${ok ? 'ok       ' : 'FAILED   '} ${what}\n${ok ? '' : `${said}\n`}`)
}

/** The configuration inside the rendered ConfigMap, by the server's own schema. */
function configurationOf(manifests: readonly Manifest[]) {
  try {
    for (const { kind, data } of manifests) {
      if (kind === 'ConfigMap') checkConfig(parse(data?.['trimtab.yaml'] ?? ''), 'the ConfigMap')
    }
    return { ok: true, said: '' }
  } catch (error) {
    return { ok: false, said: String(error) }
  }
}

/** Its schemas know Kubernetes' own kinds only. */
function validated(rendered: string): Outcome {
  const known = rendered.split(/^---$/m).filter((text) => !/^kind: ServiceMonitor$/m.test(text))
  return asFile(known.join('---\n'), (file) => run('kubernetes-validate', ['--strict', file]))
}

function conforming(rendered: string): Outcome {
  const schemas = ['default', customResources].flatMap((location) => ['-schema-location', location])
  return run('kubeconform', ['-strict', ...schemas], rendered)
}

function asFile(text: string, use: (file: string) => Outcome): Outcome {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-deploy-'))
  try {
    const file = join(folder, 'rendered.yaml')
    writeFileSync(file, text)
    return use(file)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function composed() {
  return run('env', ['TOKENIZER=.', 'docker', 'compose', '-f', path('compose/compose.yaml'), 'config', '--quiet'])
}
