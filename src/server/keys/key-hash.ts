import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** SHA-256 of a key, in hexadecimal, as the configuration holds it. */
export const hashPattern = /^sha256:[0-9a-f]{64}$/

/**
 * A new key: 256 random bits. That much cannot be guessed, so a plain hash of it is safe to keep; a password would need a slow one, and every
 * request would pay for it.
 */
export function newKey(): string {
  return `trimtab-${randomBytes(32).toString('base64url')}`
}

export function hashKey(key: string): string {
  return `sha256:${digest(key).toString('hex')}`
}

export function digest(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

/** The digest of a hash that matches `hashPattern`. */
export function digestOf(hash: string): Buffer {
  return Buffer.from(hash.slice('sha256:'.length), 'hex')
}

/** Takes as long wherever the digests differ. */
export const sameDigest = (left: Buffer, right: Buffer): boolean => timingSafeEqual(left, right)
