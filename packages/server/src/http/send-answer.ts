import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import { pipeline } from 'node:stream/promises';
import { acceptsGzip } from './accepts-gzip.ts';
import type { Answer, Body } from './answer.ts';
import { strongEtag } from './etag.ts';
import { judgePrecondition } from './precondition.ts';
import { isRangeAllowed, parseRange } from './range.ts';
import type { Span } from './range.ts';

/** The response of either protocol. */
export type Response = ServerResponse | Http2ServerResponse;

/** What of a request decides how an answer is sent. */
export interface RequestFields {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** What was sent. */
export interface Sent {
  readonly status: number;
  /** Bytes of the body. */
  readonly bytes: number;
}

/**
 * Send `answer` as the request wants it: 304 or 412 by its conditions, in gzip where both sides have it, a single range
 * with 206 or 416, without a body for HEAD. Bodies that are read are sent no faster than they are taken.
 *
 * @param options.stallMs - gives up, and drops the connection, when a body that is read has not been taken at 4 KiB/s after this time
 * @throws when the body cannot be read or the client goes away; the connection is gone then
 */
export async function sendAnswer(
  request: RequestFields,
  response: Response,
  answer: Answer,
  options: { readonly stallMs?: number } = {},
): Promise<Sent> {
  const plan = await planAnswer(request, answer);
  response.writeHead(plan.status, plan.headers);
  if (plan.bytes !== undefined || plan.stream === undefined) {
    const bytes = request.method === 'HEAD' ? undefined : plan.bytes;
    if (bytes === undefined) response.end();
    else response.end(bytes);
    return { status: plan.status, bytes: bytes?.length ?? 0 };
  }
  const { start, end } = plan.stream.span;
  const size = end - start + 1;
  const signal = AbortSignal.timeout((options.stallMs ?? DEFAULT_STALL_MS) + Math.ceil(size / SLOWEST_BYTES_PER_MS));
  await pipeline(plan.stream.read({ start, end }), response, { signal });
  return { status: plan.status, bytes: size };
}

const DEFAULT_STALL_MS = 60_000;
const SLOWEST_BYTES_PER_MS = 4;

interface Plan {
  readonly status: number;
  readonly headers: Record<string, string | number>;
  readonly bytes?: Buffer;
  readonly stream?: { readonly read: (span: Span) => NodeJS.ReadableStream; readonly span: Span };
}

async function planAnswer(request: RequestFields, answer: Answer): Promise<Plan> {
  const { headers } = request;
  const { body, digest, status } = answer;
  const isGzip =
    body.gzip !== undefined && headers.range === undefined && acceptsGzip(headers['accept-encoding']?.toString());
  const common: Record<string, string | number> = { ...answer.headers };
  if (body.gzip !== undefined) common['vary'] = 'accept-encoding';
  if (digest === undefined || status !== 200) return whole(request, status, common, body);
  const etag = strongEtag(digest, isGzip ? 'gzip' : undefined);
  common['etag'] = etag;
  const etags = body.gzip === undefined ? [etag] : [strongEtag(digest), strongEtag(digest, 'gzip')];
  const verdict = judgePrecondition(headers, etags);
  if (verdict === 'not-modified') return { status: 304, headers: withoutContent(common) };
  if (verdict === 'failed') return { status: 412, headers: { ...withoutContent(common), 'content-length': 0 } };
  if (isGzip && body.gzip !== undefined) {
    const bytes = await body.gzip();
    return { status, headers: { ...common, 'content-encoding': 'gzip', 'content-length': bytes.length }, bytes };
  }
  common['accept-ranges'] = 'bytes';
  const range =
    headers.range === undefined || !isRangeAllowed(headers['if-range']?.toString(), etag)
      ? undefined
      : parseRange(headers.range, body.size);
  if (range === 'unsatisfiable') {
    return {
      status: 416,
      headers: { ...withoutContent(common), 'content-range': `bytes */${String(body.size)}`, 'content-length': 0 },
    };
  }
  if (range === undefined) return whole(request, status, common, body);
  return part(request, common, body, range);
}

function whole(request: RequestFields, status: number, headers: Record<string, string | number>, body: Body): Plan {
  headers['content-length'] = body.size;
  return { status, headers, ...source(request, body, { start: 0, end: body.size - 1 }) };
}

function part(request: RequestFields, headers: Record<string, string | number>, body: Body, span: Span): Plan {
  headers['content-length'] = span.end - span.start + 1;
  headers['content-range'] = `bytes ${String(span.start)}-${String(span.end)}/${String(body.size)}`;
  return { status: 206, headers, ...source(request, body, span) };
}

function source(request: RequestFields, { bytes, read, size }: Body, span: Span): Pick<Plan, 'bytes' | 'stream'> {
  if (bytes !== undefined)
    return { bytes: span.end - span.start + 1 === size ? bytes : bytes.subarray(span.start, span.end + 1) };
  if (read === undefined || size === 0 || request.method === 'HEAD') return {};
  return { stream: { read, span } };
}

/** A 304 repeats what a cache keeps of the answer and says nothing of the body. */
function withoutContent(headers: Record<string, string | number>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type'));
}
