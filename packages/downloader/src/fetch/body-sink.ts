import { IntegrityError } from '@mirror/core/errors';
import type { VerifiedWrite, VerifiedWriter, WrittenFile } from '@mirror/core/io';
import type { CrateJob } from './crate-job.ts';
import { TransportError } from './transport.ts';
import type { ResponseHead } from './transport.ts';

/**
 * Takes the bodies of the attempts for one file after the other, and keeps what a broken attempt brought as long as it can be
 * continued.
 */
export interface BodySink {
  /** Forget everything and be ready for another file. */
  reset(job: CrateJob): void;
  /** Headers that ask for the rest of what is here already; undefined when everything is wanted. */
  resumeHeaders(url: string): Readonly<Record<string, string>> | undefined;
  /** The head of an answer; true when its body is wanted. Throws for a body that cannot be right. */
  begin(url: string, head: ResponseHead): boolean;
  write(chunk: Uint8Array): void;
  /** All is here: compare and give the file its name. Throws `IntegrityError`, and nothing is left, when it is not right. */
  commit(): WrittenFile;
  /** Forget everything that is not committed. */
  discard(): void;
}

/**
 * A sink for the jobs of one lane. A small body is hashed and written in one go: straight from the read buffer when it came in one piece, else
 * from a buffer where its pieces were put together. Others stream. A streamed body that breaks off after `RESUME_BYTES` is continued by Range with
 * If-Range, when the server gave a strong ETag: on any doubt it starts anew, and the digest decides in the end.
 */
export function createBodySink(writer: VerifiedWriter, maxFileBytes: number): BodySink {
  let job: CrateJob;
  let stream: VerifiedWrite | undefined;
  let whole: WrittenFile | undefined;
  let length: number | undefined;
  let received = 0;
  let source: { url: string; etag: string; total: number } | undefined;
  let gathered: Buffer | undefined; // kept from file to file
  let held = 0; // bytes of a streamed body that wait in it for more

  const discard = (): void => {
    stream?.abort();
    stream = whole = source = length = undefined;
    received = held = 0;
  };
  const startAnew = (url: string, head: ResponseHead): void => {
    discard();
    length = head.length;
    if (length === undefined) return;
    if (length > maxFileBytes) throw tooLarge(url, length);
    if (length <= RESUME_BYTES) return;
    const etag = head.header('etag');
    if (etag !== undefined && /^"[^"]*"$/.test(etag)) source = { url, etag, total: length };
  };
  const writeWhole = (bytes: Uint8Array): WrittenFile => writer.writeWhole(job.path, bytes, { sha256: job.sha256 });
  const gather = (chunk: Uint8Array, total: number): void => {
    gathered ??= Buffer.allocUnsafeSlow(GATHER_BYTES);
    gathered.set(chunk, received - chunk.length);
    if (received === total) whole = writeWhole(gathered.subarray(0, total));
  };
  const pour = (): void => {
    if (held > 0) stream?.write(gathered!.subarray(0, held));
    held = 0;
  };
  const streamOn = (chunk: Uint8Array): void => {
    stream ??= writer.begin(job.path);
    const isStraight = chunk.length > STRAIGHT_BYTES;
    if (isStraight || held + chunk.length > GATHER_BYTES) pour();
    if (isStraight) {
      stream.write(chunk);
      return;
    }
    gathered ??= Buffer.allocUnsafeSlow(GATHER_BYTES);
    gathered.set(chunk, held);
    held += chunk.length;
  };
  return {
    discard,
    reset: (next) => {
      discard();
      job = next;
    },
    resumeHeaders: (url) => {
      if (source?.url !== url || stream === undefined || received < RESUME_BYTES || received >= source.total) {
        discard();
        return undefined;
      }
      return { range: `bytes=${String(received)}-`, 'if-range': source.etag };
    },
    begin: (url, head) => {
      if (head.status === 206) {
        if (source === undefined || stream === undefined || !continues(head, received, source)) {
          discard();
          throw new TransportError('broken', `${url}: the partial answer is not the part that was asked for`);
        }
        return true;
      }
      if (head.status !== 200) {
        // what is here stays good when the server only has trouble
        if (head.status < 500 && head.status !== 429 && head.status !== 408) discard();
        return false;
      }
      startAnew(url, head);
      return true;
    },
    write: (chunk) => {
      received += chunk.length;
      if (received > (length ?? maxFileBytes)) {
        if (whole !== undefined) return; // the file is right and there: what comes after it is of no interest
        const seen = received;
        const promised = length;
        discard();
        throw promised === undefined ? tooLarge(job.urls[0] ?? job.path, seen) : lengthError(job.path, promised, seen);
      }
      if (chunk.length === length) whole = writeWhole(chunk);
      else if (length !== undefined && length <= GATHER_BYTES) gather(chunk, length);
      else streamOn(chunk);
    },
    commit: () => {
      if (whole !== undefined) return whole;
      if (length !== undefined && received !== length) {
        const seen = received;
        const promised = length;
        if (received < RESUME_BYTES) discard();
        throw lengthError(job.path, promised, seen);
      }
      if (stream === undefined) return writeWhole(EMPTY);
      pour();
      const streamed = stream;
      stream = undefined; // commit leaves nothing behind, whether it succeeds or not
      return streamed.commit({ sha256: job.sha256 });
    },
  };
}

const EMPTY = new Uint8Array(0);

/** Below this much it is cheaper to start anew. */
const RESUME_BYTES = 1 << 20;

/** Up to this much is put together in memory: one digest and one write instead of some of each. Each lane may hold so much. */
const GATHER_BYTES = 64 << 10;
/** Pieces above this are hashed and written as they come; TLS brings at most 16 KiB at a time. */
const STRAIGHT_BYTES = 32 << 10;

/**
 * Strict, since CDNs are known to answer with ranges nobody asked for.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-content-range
 */
function continues(head: ResponseHead, received: number, source: { etag: string; total: number }): boolean {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(head.header('content-range') ?? '');
  if (match === null) return false;
  const [start, end, total] = match.slice(1).map(Number);
  const etag = head.header('etag');
  return (
    start === received &&
    end === source.total - 1 &&
    total === source.total &&
    (etag === undefined || etag === source.etag)
  );
}

function lengthError(path: string, expected: number, found: number): IntegrityError {
  return new IntegrityError(path, `${String(expected)} bytes`, `${String(found)} bytes`);
}

function tooLarge(url: string, size: number): TransportError {
  return new TransportError('refused', `${url}: a body of ${String(size)} bytes is above the limit (--max-file-size)`);
}
