import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse, parseAllDocuments } from 'yaml'
import { checkConfig } from '../../deploy/check/rendered-chart.ts'
import { toyGateway } from '../server/toy-gateway.ts'

const folder = fileURLToPath(new URL('../../deploy', import.meta.url))
const read = (file: string): string => readFileSync(`${folder}/${file}`, 'utf8')

const dockerfile = read('docker/Dockerfile')
const deployment = read('helm/trimtab/templates/deployment.yaml')
const compose = parse(read('compose/compose.yaml'))
const chartValues = parse(read('helm/trimtab/values.yaml'))
const valueFiles = ['helm/values/vllm-gpu.yaml', 'helm/values/many-gateways.yaml']

/** What the chart's helper lays over the configuration of the values. */
function asRendered(values: { config: Record<string, Record<string, object>>; vllm?: { enabled: boolean } }): object {
  const { config } = values
  const vllm = { ...config['upstreams']?.['vllm'], kind: 'vllm', urls: ['http://trimtab-vllm-0.trimtab-vllm:8000'] }
  return {
    ...config,
    server: { ...config['server'], host: '0.0.0.0', port: 8080, drain_seconds: chartValues.drainSeconds },
    upstreams: { ...config['upstreams'], ...(values.vllm?.enabled ? { vllm } : {}) },
  }
}

describe('deploy/', () => {
  it('has YAML that parses', () => {
    const files = ['compose', 'helm/values'].flatMap((name) => listYaml(`${folder}/${name}`))
    assert.ok(files.length >= 7)
    for (const file of [...files, `${folder}/helm/trimtab/values.yaml`, `${folder}/helm/trimtab/Chart.yaml`]) {
      for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
        assert.deepEqual('errors' in document ? document.errors : [], [], file)
      }
    }
  })

  it('has configurations that the server takes', () => {
    checkConfig(parse(read('compose/trimtab.yaml')), 'compose/trimtab.yaml')
    for (const file of valueFiles) checkConfig(asRendered(parse(read(file))), file)
  })

  it('sets only values that the chart has', () => {
    for (const file of valueFiles) {
      for (const [name, value] of Object.entries<object>(parse(read(file)))) {
        assert.ok(name in chartValues, `${file}: ${name}`)
        if (name === 'config' || Array.isArray(value) || typeof value !== 'object') continue
        if (['nodeSelector', 'resources'].includes(name)) continue
        for (const key of Object.keys(value)) assert.ok(key in chartValues[name], `${file}: ${name}.${key}`)
      }
    }
  })

  it('asks health at routes that the server has', async () => {
    const asked = [...deployment.matchAll(/path: (\/\S+), port: http/g)].map(([, path]) => path!)
    const inImage = /fetch\('http:\/\/127\.0\.0\.1:8080(\/\w+)'\)/.exec(dockerfile)?.[1]
    assert.deepEqual(new Set(asked), new Set(['/healthz', '/readyz']))
    assert.equal(inImage, '/healthz')
    for (const path of asked) assert.equal((await toyGateway().app.request(path)).status, 200, path)
  })

  it('agrees on the port and the user', () => {
    assert.match(dockerfile, /^EXPOSE 8080$/m)
    assert.match(deployment, /containerPort: 8080/)
    assert.deepEqual(compose.services.trimtab.ports, ['127.0.0.1:8080:8080'])
    assert.match(dockerfile, /^USER 1000:1000$/m)
    assert.match(deployment, /runAsUser: 1000\n/)
  })

  it('writes only where the container may', () => {
    assert.match(dockerfile, /XDG_CACHE_HOME=\/var\/cache$/m)
    assert.match(deployment, /readOnlyRootFilesystem: true/)
    assert.match(deployment, /name: cache, mountPath: \/var\/cache\/trimtab/)
    assert.equal(compose.services.trimtab.read_only, true)
    assert.ok(compose.services.trimtab.volumes.includes('cache:/var/cache/trimtab'))
  })

  it('gives a server longer to end than it drains', () => {
    assert.match(
      deployment,
      /terminationGracePeriodSeconds: \{\{ add .Values.preStopSeconds .Values.drainSeconds 15 \}\}/,
    )
    assert.ok(Number.parseInt(compose.services.trimtab.stop_grace_period, 10) > 30 + 10)
  })
})

function listYaml(root: string): string[] {
  return readdirSync(root, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `${root}/${name}`)
}
