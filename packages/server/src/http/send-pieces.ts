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
  const left = (): void => giveUp(Object.assign(new Error('the client went away'), { code: 'ECONNRESET' }));
  const late = (): void => giveUp(new Error('the client takes too long'));
  const timer = setTimeout(late, stallMs + Math.ceil(body.size / SLOWEST_BYTES_PER_MS));
  out.once('close', left);
  try {
    for await (const piece of body.read()) {
      await new Promise<void>((resolve, reject) => {
        giveUp = reject;
        if (out.destroyed) left();
        else out.write(piece, (error) => (error ? reject(error) : resolve()));
      });
    }
  } finally {
    clearTimeout(timer);
    out.off('close', left);
  }
}

const SLOWEST_BYTES_PER_MS = 4;
