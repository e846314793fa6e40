import { MirrorError } from '@mirror/core/errors';
import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { HttpAnswer } from './http-client.ts';

/**
 * The body of the answer of `url` as it was before it was compressed: nobody asked for that, but some servers and proxies do it all the same.
 *
 * @throws {MirrorError} ERR_HTTP for another coding than gzip
 */
export async function decodedBody(url: string, { headers, body, discard }: HttpAnswer): Promise<Readable> {
  const coding = headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (coding === 'identity') return body;
  if (coding === 'gzip' || coding === 'x-gzip') return pipeline(body, createGunzip(), () => undefined);
  await discard();
  throw new MirrorError('ERR_HTTP', `${url}: content coding ${coding}, expected none or gzip`);
}
