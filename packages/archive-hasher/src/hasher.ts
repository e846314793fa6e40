/** One running digest that can be used for many messages, one after the other. */
export interface Hasher {
  /** Begin a new message. */
  init(): void;
  /** Add bytes to the message; they are read before the call returns. */
  update(data: Uint8Array): void;
  /** End the message: its digest in lower-case hex. Call `init` before the next message. */
  digest(): string;
  /** The digest of a whole message, where that is quicker in one call; it may end a message that was begun. */
  digestOf?(message: Uint8Array): string;
}
