import { Transform, pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib';
import { MirrorError, systemCodeOf } from '../../errors.ts';

/**
 * A body as it was before it was compressed: some servers and proxies compress what nobody asked them to. A body that swells more than any
 * honest one does is given up.
 *
 * @param coding - the value of `Content-Encoding`; several in the order they were applied
 * @throws {MirrorError} ERR_HTTP for a coding that is not gzip, deflate or br; by way of the stream, ERR_HTTP for a body that swells too much,
 * ERR_NETWORK for one that is not in its coding or was cut off
 */
export function decodedBody(url: string, body: Readable, coding: string | undefined): Readable {
  const codings = (coding ?? '')
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '' && each !== 'identity');
  if (codings.length === 0) return body;
  const decoders = codings.reverse().map((each) => DECODERS[each]);
  if (decoders.length > MAX_CODINGS || decoders.includes(undefined)) {
    throw new MirrorError(
      'ERR_HTTP',
      `${url}: expected the content coding gzip, deflate or br, found ${shown(coding)}`,
    );
  }
  const seen = { encoded: 0, decoded: 0 };
  const counted = body.pipe(counter((bytes) => (seen.encoded += bytes)));
  const bounded = counter((bytes) => {
    seen.decoded += bytes;
    if (seen.decoded <= FREE_BYTES || seen.decoded <= MAX_RATIO * seen.encoded) return;
    throw new MirrorError(
      'ERR_HTTP',
      `${url}: the body grows to more than ${String(MAX_RATIO)} times its size when decoded`,
    );
  });
  body.once('error', (error) => counted.destroy(error));
  const stages = decoders.map((make) => make!());
  pipeline([counted, ...stages], (error) => {
    body.destroy();
    if (error === undefined || error === null) return;
    const isDecoding =
      systemCodeOf(error)?.startsWith('Z_') === true || systemCodeOf(error)?.startsWith('ERR_') === true;
    bounded.destroy(isDecoding && !(error instanceof MirrorError) ? undecodable(url, coding, error) : error);
  });
  stages.at(-1)!.pipe(bounded);
  bounded.once('close', () => counted.destroy());
  return bounded;
}

const DECODERS: Readonly<Record<string, (() => Transform) | undefined>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  br: createBrotliDecompress,
  deflate: createAnyInflate,
};

/** Some servers send bare deflate data where the standard has them in a zlib wrapper: the first byte tells. */
function createAnyInflate(): Transform {
  let inner: Transform | undefined;
  const outer = new Transform({
    transform(piece: Buffer, _, done) {
      if (inner === undefined) {
        inner = ((piece[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
        inner.on('data', (plain: Buffer) => outer.push(plain));
        inner.once('error', (error) => outer.destroy(error));
      }
      inner.write(piece, () => {
        done();
      });
    },
    flush(done) {
      if (inner === undefined) return void done();
      inner.once('end', () => {
        done();
      });
      inner.end();
    },
  });
  return outer;
}

function counter(count: (bytes: number) => void): Transform {
  return new Transform({
    transform(piece: Buffer, _, done) {
      try {
        count(piece.length);
        done(null, piece);
      } catch (error) {
        done(error as Error);
      }
    },
  });
}

function undecodable(url: string, coding: string | undefined, cause: Error): MirrorError {
  return new MirrorError('ERR_NETWORK', `${url}: the body is not in the content coding ${shown(coding)}`, { cause });
}

function shown(coding: string | undefined): string {
  return JSON.stringify((coding ?? '').slice(0, 60));
}

const MAX_CODINGS = 2;
/** What a body may grow to without any question. */
const FREE_BYTES = 1 << 20;
/** Lines of an index shrink to a tenth, or a fiftieth where versions are alike. */
const MAX_RATIO = 200;
