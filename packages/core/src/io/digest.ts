import { createHash } from 'node:crypto';
import * as crypto from 'node:crypto';
import { open } from 'node:fs/promises';

/** A SHA-256 as 64 lower-case hex digits. */
export type Sha256 = string;

/** Whether `text` is a SHA-256 in the only form we write: 64 lower-case hex digits. */
export function isSha256(text: unknown): text is Sha256 {
  return typeof text === 'string' && /^[0-9a-f]{64}$/.test(text);
}

/** The SHA-256 of bytes that are all there. */
export function sha256(bytes: Uint8Array): Sha256 {
  return oneShot(bytes);
}

/**
 * The SHA-256 of a file: a small one is read whole, a larger one in pieces.
 *
 * @throws the file system's error when it cannot be read; the signal's reason when aborted
 */
export async function sha256File(file: string, signal?: AbortSignal): Promise<Sha256> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    signal?.throwIfAborted();
    if (size <= WHOLE_BYTES) return sha256(await handle.readFile());
    const hash = createHash('sha256');
    for await (const chunk of handle.createReadStream({ highWaterMark: PIECE_BYTES, autoClose: false })) {
      signal?.throwIfAborted();
      hash.update(chunk as Buffer);
    }
    return hash.digest('hex');
  } finally {
    await handle.close();
  }
}

/** Most crate files are smaller: a stream for each would cost more than its digest. */
const WHOLE_BYTES = 1 << 20;
const PIECE_BYTES = 1 << 20;

/** `crypto.hash` makes no object for the digest, which counts for small files; Node has it since 20.12. */
const oneShot: (bytes: Uint8Array) => Sha256 =
  'hash' in crypto
    ? (bytes) => crypto.hash('sha256', bytes, 'hex')
    : (bytes) => createHash('sha256').update(bytes).digest('hex');
