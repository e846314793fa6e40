import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Content, Resource } from './content.ts';
import { rangeOf } from './range.ts';

/** A whole answer, ready to be sent or spoilt. */
export interface Answer {
  readonly status: number;
  /** With the right Content-Length, unless there is no body by definition. */
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  /** The whole file behind it, when there is one. */
  readonly resource?: Resource;
}

/** What the right answer depends on. */
export interface Question {
  readonly method: string;
  /** Decoded, `+` literal, without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly origin: string;
}

/**
 * The right answer of a registry. Below `/index/` it behaves as index.crates.io (ETag, 304, 404), below `/crates/` as
 * static.crates.io (ETag, Range with If-Range, and 403 for what is not there); `/moved/…` is the same once more.
 */
export function answerTo(question: Question, content: Content): Answer {
  if (question.method !== 'GET' && question.method !== 'HEAD')
    return textAnswer(405, 'only GET and HEAD\n', { allow: 'GET, HEAD' });
  const path = question.path.replace(/^\/moved\//, '/');
  if (path === '/index/config.json') return indexAnswer(question, configJson(question.origin));
  if (path.startsWith('/index/')) return indexAnswer(question, content.find(path.slice(1)));
  if (path.startsWith('/crates/')) return crateAnswer(question, content.find(crateFile(path).slice(1)));
  return textAnswer(404, 'nothing here; see /index/ and /crates/\n');
}

/** An answer with a short text. */
export function textAnswer(status: number, text: string, headers: OutgoingHttpHeaders = {}): Answer {
  const body = Buffer.from(text);
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': body.length, ...headers },
    body,
  };
}

function indexAnswer(question: Question, resource: Resource | undefined): Answer {
  if (resource === undefined) return textAnswer(404, 'no such crate\n');
  const headers = { etag: resource.etag, 'cache-control': 'public,max-age=600', 'content-type': 'text/plain' };
  if (question.headers['if-none-match'] === resource.etag)
    return { status: 304, headers, body: Buffer.alloc(0), resource };
  return {
    status: 200,
    headers: { ...headers, 'content-length': resource.body.length },
    body: resource.body,
    resource,
  };
}

function crateAnswer(question: Question, resource: Resource | undefined): Answer {
  if (resource === undefined)
    return textAnswer(403, '<Error><Code>AccessDenied</Code></Error>', { 'content-type': 'application/xml' });
  const { body, etag } = resource;
  const headers = {
    etag,
    'content-type': 'application/gzip',
    'cache-control': 'public,max-age=31536000,immutable',
    'accept-ranges': 'bytes',
  };
  const range = rangeOf(question.headers, resource);
  if (range === undefined)
    return { status: 200, headers: { ...headers, 'content-length': body.length }, body, resource };
  if (range === 'unsatisfiable')
    return {
      ...textAnswer(416, 'no such range\n', { ...headers, 'content-range': `bytes */${body.length}` }),
      resource,
    };
  const part = body.subarray(range.start, range.end + 1);
  const contentRange = `bytes ${range.start}-${range.end}/${body.length}`;
  return {
    status: 206,
    headers: { ...headers, 'content-range': contentRange, 'content-length': part.length },
    body: part,
    resource,
  };
}

/** The index as this registry serves it leads cargo to this registry's crates. */
function configJson(origin: string): Resource {
  const body = Buffer.from(`${JSON.stringify({ dl: `${origin}/crates`, api: origin }, null, 2)}\n`);
  return { body, etag: `"config-${origin}"` };
}

/** Where cargo's `/crates/{name}/{vers}/download` is kept. */
function crateFile(path: string): string {
  const [, name, vers] = /^\/crates\/([^/]+)\/([^/]+)\/download$/.exec(path) ?? [];
  return name === undefined ? path : `/crates/${name}/${name}-${vers}.crate`;
}
