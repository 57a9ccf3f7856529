/** What keeps a command from doing its work, told in words that say what to change. */
export class ClientError extends Error {
  override readonly name = 'ClientError'
}
