import { ApiProblem } from '../api-problem.ts'
import { Caller } from './caller.ts'
import type { KeyConfig } from './key-config.ts'
import { digest, digestOf, sameDigest } from './key-hash.ts'

interface Lock {
  readonly digest: Buffer
  readonly caller: Caller
}

/** Headers of a request, by lower-case name. */
export type HeaderLookup = (name: string) => string | undefined

/** All keys of a configuration. Without any, everybody is let in. */
export class KeyRing {
  readonly #locks: readonly Lock[]
  readonly #callers: ReadonlyMap<string, Caller>

  /** @param before the ring this one replaces: callers whose entry is the same go on with what they have used */
  constructor(keys: Readonly<Record<string, KeyConfig>>, before?: KeyRing, now?: () => number) {
    const callers = Object.entries(keys).map(([name, config]) => {
      const known = before === undefined ? undefined : before.#callers.get(name)
      const same = known !== undefined && JSON.stringify(known.config) === JSON.stringify(config)
      return same ? known : new Caller(name, config, now)
    })
    this.#callers = new Map(callers.map((caller) => [caller.name, caller]))
    this.#locks = callers.flatMap((caller) =>
      [caller.config.hash].flat().map((hash) => ({ digest: digestOf(hash), caller })),
    )
  }

  /**
   * Whose request it is; undefined where no keys are configured.
   * @throws ApiProblem `invalid-key` for a missing, unknown or expired key
   */
  identify(header: HeaderLookup, today = Date.now()): Caller | undefined {
    if (this.#locks.length === 0) return undefined
    const presented = presentedKey(header)
    if (presented === undefined)
      throw refusal('This server needs an API key: send it as Authorization: Bearer KEY.', 'Authorization')
    const caller = this.#open(digest(presented.key))
    if (caller === undefined) throw refusal('Incorrect API key provided.', presented.name)
    const { expires } = caller.config
    if (expires !== undefined && Date.parse(expires) <= today)
      throw refusal(`The API key expired on ${expires}.`, presented.name)
    return caller
  }

  /** Looks at every lock, whichever opens, so that time tells nothing. */
  #open(presented: Buffer): Caller | undefined {
    let found: Caller | undefined
    for (const lock of this.#locks) if (sameDigest(lock.digest, presented)) found = lock.caller
    return found
  }
}

/** The key of a request, and the header that it is in. */
function presentedKey(header: HeaderLookup): { readonly name: string; readonly key: string } | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(header('authorization') ?? '')?.[1]
  if (bearer !== undefined) return { name: 'Authorization', key: bearer }
  for (const name of ['x-api-key', 'api-key']) {
    const key = header(name)
    if (key !== undefined) return { name, key }
  }
  return undefined
}

const refusal = (message: string, param: string) => new ApiProblem('invalid-key', message, { param })
