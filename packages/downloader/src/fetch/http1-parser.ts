import type { ResponseHead } from './transport.ts';

/** What a parser tells while it is fed. All calls are synchronous. */
export interface Http1Events {
  /** The final head; false says that the body is of no interest (it is parsed all the same). */
  onHead(head: ResponseHead): void;
  /** A piece of the body, in the buffer that was fed. */
  onBody(chunk: Uint8Array): void;
}

/** Where a parser stands after being fed. */
export type ParserState =
  /** More bytes must come. */
  | 'more'
  /** The answer is whole; the connection can be used again. */
  | 'done'
  /** The answer is whole, but nothing more can be done with the connection. */
  | 'done-close';

/** Reads the answers to GETs, one after the other, however their bytes are cut. */
export interface Http1Parser {
  /** Be ready for the next answer. */
  reset(): void;
  /** Feed bytes; throws `Http1Error` when they are no answer as RFC 9112 has it. */
  feed(bytes: Buffer): ParserState;
  /** The connection has come to its orderly end. Throws `Http1Error` unless that is where the answer ends too. */
  end(): void;
  /** Whether a byte of the answer has come. */
  readonly isStarted: boolean;
}

/** Bytes that are no answer. */
export class Http1Error extends Error {
  override readonly name = 'Http1Error';
}

/** The most that a head may have, interim answers included. */
const MAX_HEAD_BYTES = 64 << 10;

/**
 * A strict parser for answers: Content-Length, chunked and to-the-end-of-connection bodies, interim answers. What could
 * be read in two ways is refused: two different lengths, a length beside chunks, folded headers, other codings than chunked.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112
 */
export function createHttp1Parser(events: Http1Events): Http1Parser {
  let held = ''; // the begin of a head or of a chunk line whose end has not come
  let headBytes = 0;
  let step: (bytes: Buffer, at: number) => number = readHead;
  let left = 0;
  let closes = false;
  let isDone = false;
  let isStarted = false;

  function reset(): void {
    held = '';
    headBytes = 0;
    step = readHead;
    left = 0;
    closes = isDone = isStarted = false;
  }

  /** Each step consumes from `at` and returns where it stopped; it changes `step` when it is through. */
  function readHead(bytes: Buffer, at: number): number {
    const from = held.length;
    // a piece at a time: most of what came with the head is body, and making text of it is dear
    const stop = Math.min(bytes.length, at + HEAD_PIECE_BYTES);
    const text = held + bytes.toString('latin1', at, stop);
    const end = text.indexOf('\r\n\r\n', Math.max(0, from - 3));
    headBytes += (end < 0 ? text.length : end + 4) - from;
    if (headBytes > MAX_HEAD_BYTES) throw new Http1Error(`the head is longer than ${String(MAX_HEAD_BYTES)} bytes`);
    if (end < 0) {
      held = text;
      return stop;
    }
    held = '';
    const head = parseHead(text.slice(0, end + 2));
    if (head.status >= 200) beginBody(head);
    else if (head.status === 101) throw new Http1Error('the server switches protocols unasked');
    return at + end + 4 - from;
  }

  function beginBody(head: ParsedHead): void {
    closes = head.closes;
    const { length, isChunked } = head;
    if (head.status === 204 || head.status === 304) left = 0;
    else if (isChunked) step = readChunkLine;
    else if (length === undefined) step = readToEnd;
    else left = length;
    if (step === readToEnd) closes = true;
    else if (step === readHead) step = readLength;
    events.onHead(head);
    if (step === readLength && left === 0) isDone = true;
  }

  function readLength(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + left);
    left -= end - at;
    if (left === 0) isDone = true;
    events.onBody(bytes.subarray(at, end));
    return end;
  }

  function readToEnd(bytes: Buffer, at: number): number {
    events.onBody(bytes.subarray(at));
    return bytes.length;
  }

  /** Takes text up to a line feed; undefined when it has not come yet. */
  function takeLine(bytes: Buffer, at: number): { readonly line: string; readonly next: number } | undefined {
    const feed = bytes.indexOf(0x0a, at);
    held += bytes.toString('latin1', at, feed < 0 ? bytes.length : feed + 1);
    if (held.length > MAX_CHUNK_LINE) throw new Http1Error('a line between chunks is too long');
    if (feed < 0) return undefined;
    const line = held;
    held = '';
    return { line, next: feed + 1 };
  }

  function readChunkLine(bytes: Buffer, at: number): number {
    const taken = takeLine(bytes, at);
    if (taken === undefined) return bytes.length;
    const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;[^\r\n]*)?\r\n$/.exec(taken.line)?.[1];
    if (size === undefined)
      throw new Http1Error(`expected the size of a chunk, found ${JSON.stringify(taken.line.slice(0, 40))}`);
    left = Number.parseInt(size, 16);
    step = left === 0 ? readTrailer : readChunk;
    return taken.next;
  }

  function readChunk(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + left);
    left -= end - at;
    if (left === 0) step = readChunkEnd;
    events.onBody(bytes.subarray(at, end));
    return end;
  }

  function readChunkEnd(bytes: Buffer, at: number): number {
    const taken = takeLine(bytes, at);
    if (taken === undefined) return bytes.length;
    if (taken.line !== '\r\n') throw new Http1Error('a chunk is longer than it says');
    step = readChunkLine;
    return taken.next;
  }

  function readTrailer(bytes: Buffer, at: number): number {
    const taken = takeLine(bytes, at);
    if (taken === undefined) return bytes.length;
    headBytes += taken.line.length;
    if (headBytes > MAX_HEAD_BYTES) throw new Http1Error('the trailer is too long');
    if (taken.line === '\r\n') isDone = true;
    else if (!HEADER_LINES.test(taken.line)) throw new Http1Error('a trailer line is no header');
    return taken.next;
  }

  return {
    reset,
    get isStarted() {
      return isStarted;
    },
    feed: (bytes) => {
      isStarted = true;
      let at = 0;
      while (at < bytes.length && !isDone) at = step(bytes, at);
      if (!isDone) return 'more';
      // bytes that nobody asked for: the answer is whole, the connection is not to be trusted
      return closes || at < bytes.length ? 'done-close' : 'done';
    },
    end: () => {
      if (!isDone && step !== readToEnd) throw new Http1Error('the connection ended before the answer did');
    },
  };
}

interface ParsedHead extends ResponseHead {
  readonly isChunked: boolean;
  readonly closes: boolean;
}

function parseHead(text: string): ParsedHead {
  const match = STATUS_LINE.exec(text);
  if (match === null) throw new Http1Error(`expected an HTTP/1 answer, found ${JSON.stringify(text.slice(0, 60))}`);
  const headers = text.slice(match[0].length);
  if (!HEADER_LINES.test(headers)) throw new Http1Error('the head has a line that is no header');
  const { lengths, encodings, connection } = framingOf(headers);
  const length = lengthOf(lengths);
  const isChunked = encodings.length > 0;
  if (isChunked && (encodings.length > 1 || encodings[0]?.toLowerCase() !== 'chunked')) {
    throw new Http1Error(`cannot read the transfer coding ${JSON.stringify(encodings.join(', '))}`);
  }
  if (isChunked && length !== undefined) throw new Http1Error('the head has both a length and a transfer coding');
  const closes = match[1] === '0' ? !connection.includes('keep-alive') : connection.includes('close');
  return { status: Number(match[2]), header: (name) => valueOf(headers, name), length, isChunked, closes };
}

/** What headers say about where the body ends and whether the connection stays. */
interface Framing {
  readonly lengths: string[];
  readonly encodings: string[];
  /** All of `Connection`, in lower case. */
  connection: string;
}

function framingOf(headers: string): Framing {
  const framing: Framing = { lengths: [], encodings: [], connection: '' };
  for (let at = 0; at < headers.length;) {
    const colon = headers.indexOf(':', at);
    const end = headers.indexOf('\r', colon);
    // by the length of its name nearly every line is passed over without making strings of it
    if (FRAMING_WIDTHS.has(colon - at)) {
      const value = withoutSpace(headers, colon + 1, end);
      const name = headers.slice(at, colon).toLowerCase();
      if (name === 'content-length') framing.lengths.push(value);
      else if (name === 'transfer-encoding') framing.encodings.push(value);
      else if (name === 'connection') framing.connection += `${value.toLowerCase()},`;
    }
    at = end + 2;
  }
  return framing;
}

function withoutSpace(text: string, from: number, to: number): string {
  const isSpace = (at: number): boolean => text.charCodeAt(at) === SPACE || text.charCodeAt(at) === TAB;
  let start = from;
  let end = to;
  while (start < end && isSpace(start)) start += 1;
  while (end > start && isSpace(end - 1)) end -= 1;
  return text.slice(start, end);
}

function lengthOf(values: readonly string[]): number | undefined {
  const [value] = values;
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value) || values.some((other) => other !== value)) {
    throw new Http1Error(`expected one Content-Length, found ${JSON.stringify(values.join(', '))}`);
  }
  return Number(value);
}

/** The first value of a header. Most heads are asked for a few names only, so nothing is split up beforehand. */
function valueOf(headers: string, name: string): string | undefined {
  let pattern = PATTERNS.get(name);
  if (pattern === undefined)
    PATTERNS.set(name, (pattern = new RegExp(`^${name}:[ \\t]*([^\\r\\n]*?)[ \\t]*\\r$`, 'im')));
  return pattern.exec(headers)?.[1];
}

const PATTERNS = new Map<string, RegExp>();
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n\0]*)?\r\n/;
const HEADER_LINES = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\0]*\r\n)*$/;
/** Of Connection, Content-Length and Transfer-Encoding. */
const FRAMING_WIDTHS: ReadonlySet<number> = new Set([10, 14, 17]);
const SPACE = 0x20;
const TAB = 0x09;
const MAX_CHUNK_LINE = 4096;
/** Holds the usual head whole. */
const HEAD_PIECE_BYTES = 1024;
