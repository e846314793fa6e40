import { IntegrityError } from '@mirror/core';
import type { VerifiedWrite, VerifiedWriter, WrittenFile } from '@mirror/core';
import type { CrateJob } from './crate-job.ts';
import { TransportError } from './transport.ts';
import type { ResponseHead } from './transport.ts';

/** Takes the bodies of the attempts for one file, and keeps what a broken one brought as long as it can be continued. */
export interface BodySink {
  /** Headers that ask for the rest of what is here already. */
  resumeHeaders(url: string): Readonly<Record<string, string>>;
  /** The head of an answer; true when its body is wanted. Throws for a body that cannot be right. */
  begin(url: string, head: ResponseHead): boolean;
  write(chunk: Uint8Array): void;
  /** All is here: compare and give the file its name. Throws `IntegrityError`, and nothing is left, when it is not right. */
  commit(): WrittenFile;
  /** Forget everything that is not committed. */
  discard(): void;
}

/**
 * A sink for one job. A body that comes in one piece is written whole, before anything else happens to the bytes; others stream. A streamed body
 * that breaks off after `RESUME_BYTES` is continued by Range with If-Range, when the server gave a strong ETag: on any doubt
 * it starts anew, and the digest decides in the end.
 */
export function createBodySink(job: CrateJob, writer: VerifiedWriter, maxFileBytes: number): BodySink {
  let stream: VerifiedWrite | undefined;
  let whole: WrittenFile | undefined;
  let length: number | undefined;
  let received = 0;
  let source: { url: string; etag: string; total: number } | undefined;

  const discard = (): void => {
    stream?.abort();
    stream = undefined;
    whole = undefined;
    source = undefined;
    received = 0;
    length = undefined;
  };
  const startAnew = (url: string, head: ResponseHead): void => {
    discard();
    length = contentLength(head);
    if (length !== undefined && length > maxFileBytes) throw tooLarge(url, length);
    const etag = head.header('etag');
    if (length !== undefined && etag !== undefined && /^"[^"]*"$/.test(etag)) source = { url, etag, total: length };
  };
  return {
    discard,
    resumeHeaders: (url) => {
      if (source?.url !== url || stream === undefined || received < RESUME_BYTES || received >= source.total) {
        discard();
        return {};
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
      if (whole !== undefined) return; // the file is right and there: what comes after it is of no interest
      received += chunk.length;
      if (received > (length ?? maxFileBytes)) {
        const seen = received;
        const promised = length;
        discard();
        throw promised === undefined ? tooLarge(job.urls[0] ?? job.path, seen) : lengthError(job.path, promised, seen);
      }
      if (chunk.length === length && stream === undefined) {
        whole = writer.writeWhole(job.path, chunk, { sha256: job.sha256 });
        return;
      }
      stream ??= writer.begin(job.path);
      stream.write(chunk);
    },
    commit: () => {
      if (whole !== undefined) return whole;
      if (length !== undefined && received !== length) {
        const seen = received;
        const promised = length;
        if (received < RESUME_BYTES) discard();
        throw lengthError(job.path, promised, seen);
      }
      const expected = { sha256: job.sha256 };
      const streamed = stream;
      stream = undefined; // commit leaves nothing behind, whether it succeeds or not
      return streamed === undefined ? writer.writeWhole(job.path, EMPTY, expected) : streamed.commit(expected);
    },
  };
}

const EMPTY = new Uint8Array(0);

/** Below this much it is cheaper to start anew. */
const RESUME_BYTES = 1 << 20;

function contentLength(head: ResponseHead): number | undefined {
  const text = head.header('content-length');
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

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
