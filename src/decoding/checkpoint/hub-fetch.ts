import { EnvHttpProxyAgent, fetch, type RequestInit } from 'undici'

/** The part of fetch that downloads use. */
export type HubFetch = typeof globalThis.fetch

/** A fetch that goes through the proxy of HTTP_PROXY, HTTPS_PROXY and NO_PROXY, as the hub's own tools do. */
export function createHubFetch(signal: AbortSignal | undefined): HubFetch {
  const dispatcher = new EnvHttpProxyAgent()
  const proxied = (url: string, init: RequestInit = {}) =>
    fetch(url, { ...init, dispatcher, ...(signal === undefined ? {} : { signal }) })
  // undici's types and Node's describe the same objects and differ in name only.
  return proxied as unknown as HubFetch
}
