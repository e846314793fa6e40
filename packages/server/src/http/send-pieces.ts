import type { Writable } from 'node:stream';
import type { Plan } from './plan-answer.ts';

/**
 * Write a body that is read to `out`, no faster than it is taken: the next piece is asked for when the last one has left. Does not end `out`.
 *
 * @param stallMs - gives up when the body has not been taken at 4 KiB/s after this time
 * @throws when the body cannot be read, the client goes away or is too slow; `out` is of no more use then
 */
export async function sendPieces(out: Writable, body: NonNullable<Plan['pieces']>, stallMs: number): Promise<void> {
  let giveUp: (error: Error) => void = () => undefined;
  let hasLeft = false;
  const left = (): void => {
    hasLeft = true;
    giveUp(goneAway());
  };
  const late = (): void => giveUp(tooSlow());
  const timer = setTimeout(late, slowestMs(body.size, stallMs));
  out.once('close', left);
  try {
    for await (const piece of body.read()) {
      await new Promise<void>((resolve, reject) => {
        giveUp = reject;
        if (hasLeft || out.destroyed) left();
        else out.write(piece, (error) => (error ? reject(error) : resolve()));
      });
    }
  } finally {
    clearTimeout(timer);
    out.off('close', left);
  }
}

/** How long a client may take for so many bytes: a time for everyone, and after it 4 KiB/s. */
export function slowestMs(bytes: number, stallMs: number): number {
  return stallMs + Math.ceil(bytes / SLOWEST_BYTES_PER_MS);
}

const SLOWEST_BYTES_PER_MS = 4;

/** What ends an answer whose client has closed the connection, or cancelled the request. */
export function goneAway(): Error {
  return Object.assign(new Error('the client went away'), { code: 'ECONNRESET' });
}

/** What ends an answer that is not taken; nothing to tell anyone about. */
export function tooSlow(): Error {
  return Object.assign(new Error('the client takes too long'), { code: 'ETIMEDOUT' });
}
