import { MirrorError } from '../../errors.ts';
import { Readable } from 'node:stream';

/** So many times the time without a byte is how long a server may keep its client waiting without getting anywhere. */
export const PATIENCE = 10;

/**
 * The body as it comes. One that trickles, so that no time limit for a single byte is ever reached, is given up when it has brought
 * less than 16 KiB in ten times that limit; the time that its reader takes does not count.
 *
 * @throws {MirrorError} ERR_NETWORK, by way of the stream, when it is given up
 */
export function steadyBody(url: string, body: Readable, stallTimeoutMs: number): Readable {
  const steady = Readable.from(withoutTrickle(url, body, PATIENCE * stallTimeoutMs), { objectMode: false });
  steady.once('close', () => body.on('error', () => undefined).destroy()); // also when nobody has begun to read
  return steady;
}

async function* withoutTrickle(url: string, body: Readable, windowMs: number): AsyncGenerator<Uint8Array> {
  let waitedMs = 0;
  let bytes = 0;
  let since = performance.now();
  for await (const piece of body as AsyncIterable<Uint8Array>) {
    waitedMs += performance.now() - since;
    bytes += piece.length;
    if (waitedMs > windowMs) {
      if (bytes < LEAST_BYTES) throw new MirrorError('ERR_NETWORK', `${url}: only ${bytes} bytes in ${windowMs} ms`);
      waitedMs = bytes = 0;
    }
    yield piece;
    since = performance.now();
  }
}

const LEAST_BYTES = 16 << 10;
