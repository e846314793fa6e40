import type { IncomingHttpHeaders } from 'node:http';
import { acceptsGzip } from './accepts-gzip.ts';
import type { Answer, Body } from './answer.ts';
import { strongEtag } from './etag.ts';
import { judgePrecondition } from './precondition.ts';
import { isRangeAllowed, parseRange } from './range.ts';
import type { Span } from './range.ts';

/** What of a request decides how an answer is sent. */
export interface RequestFields {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** What goes over the wire. */
export interface Plan {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | number>>;
  /** The whole body, when it is in memory. */
  readonly bytes?: Buffer;
  /** A body that is to be read; each piece is good until the next one is asked for. */
  readonly pieces?: { readonly size: number; readonly read: () => AsyncIterable<Buffer> };
}

/**
 * What to send of `answer` for this request: 304 or 412 by its conditions, in gzip where both sides have it, a single range
 * with 206 or 416, no body for HEAD.
 */
export async function planAnswer(request: RequestFields, answer: Answer): Promise<Plan> {
  const kind = commonKind(request, answer);
  if (kind === undefined) return makePlan(request, answer);
  const known = plans.get(answer);
  const ready = known?.[kind];
  if (ready !== undefined) return ready;
  const plan = await makePlan(request, answer);
  plans.set(answer, { ...known, [kind]: plan });
  return plan;
}

/** The plans of an answer that most requests come to. They last as long as the answer. */
const plans = new WeakMap<Answer, Partial<Record<CommonKind, Plan>>>();

type CommonKind = 'whole' | 'gzip' | 'unchanged' | 'gzip-unchanged';

/** Which of the plans that are kept is the one for this request; undefined when it asks for something more special. */
function commonKind({ method, headers }: RequestFields, { status, digest, body }: Answer): CommonKind | undefined {
  if (method !== 'GET' || status !== 200 || digest === undefined) return undefined;
  if (headers.range !== undefined || headers['if-match'] !== undefined) return undefined;
  const isGzip = body.gzip !== undefined && acceptsGzip(headers['accept-encoding']?.toString());
  const tag = headers['if-none-match'];
  if (tag === undefined) return isGzip ? 'gzip' : 'whole';
  if (tag !== strongEtag(digest, isGzip ? 'gzip' : undefined)) return undefined;
  return isGzip ? 'gzip-unchanged' : 'unchanged';
}

async function makePlan(request: RequestFields, answer: Answer): Promise<Plan> {
  const { headers } = request;
  const { body, digest, status } = answer;
  const isGzip =
    body.gzip !== undefined && headers.range === undefined && acceptsGzip(headers['accept-encoding']?.toString());
  const common: Record<string, string | number> = { ...answer.headers };
  if (body.gzip !== undefined) common['vary'] = 'accept-encoding';
  if (digest === undefined || status !== 200) return whole(request, status, common, body);
  const etag = strongEtag(digest, isGzip ? 'gzip' : undefined);
  common['etag'] = etag;
  if (headers['if-match'] !== undefined || headers['if-none-match'] !== undefined) {
    const etags = body.gzip === undefined ? [etag] : [strongEtag(digest), strongEtag(digest, 'gzip')];
    const verdict = judgePrecondition(headers, etags);
    if (verdict === 'not-modified') return { status: 304, headers: withoutContent(common) };
    if (verdict === 'failed') return { status: 412, headers: { ...withoutContent(common), 'content-length': 0 } };
  }
  if (isGzip && body.gzip !== undefined) {
    const bytes = await body.gzip();
    common['content-encoding'] = 'gzip';
    return whole(request, status, common, { size: bytes.length, bytes });
  }
  common['accept-ranges'] = 'bytes';
  const range =
    headers.range === undefined || !isRangeAllowed(headers['if-range']?.toString(), etag)
      ? undefined
      : parseRange(headers.range, body.size);
  if (range === undefined) return whole(request, status, common, body);
  if (range !== 'unsatisfiable') return part(request, common, body, range);
  const found = { 'content-range': `bytes */${String(body.size)}`, 'content-length': 0 };
  return { status: 416, headers: { ...withoutContent(common), ...found } };
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

function source({ method }: RequestFields, { bytes, read, size }: Body, span: Span): Pick<Plan, 'bytes' | 'pieces'> {
  if (method === 'HEAD') return {};
  const length = span.end - span.start + 1;
  if (bytes !== undefined) return { bytes: length === size ? bytes : bytes.subarray(span.start, span.end + 1) };
  return read === undefined || size === 0 ? {} : { pieces: { size: length, read: () => read(span) } };
}

/** A 304 repeats what a cache keeps of the answer and says nothing of the body. */
function withoutContent(headers: Record<string, string | number>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type'));
}
