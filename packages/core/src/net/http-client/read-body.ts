import { MirrorError } from '../../errors.ts';
import type { HttpAnswer } from './http-client.ts';

/**
 * All of a body, as decoded.
 *
 * @throws {MirrorError} ERR_HTTP when it has more than `maxBytes`; whatever breaks off the body
 */
export async function readBody(answer: HttpAnswer, maxBytes: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of answer.body as AsyncIterable<Uint8Array>) {
    bytes += piece.length;
    if (bytes > maxBytes) throw new MirrorError('ERR_HTTP', `${answer.url}: larger than ${String(maxBytes)} bytes`);
    pieces.push(piece);
  }
  return pieces.length === 1 ? Buffer.from(pieces[0] as Uint8Array) : Buffer.concat(pieces);
}
