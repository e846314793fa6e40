import type { Span } from './range.ts';

/** The kinds of request that are counted apart. */
export type Route = 'index' | 'config' | 'crate' | 'api' | 'page' | 'health' | 'metrics' | 'other';

/** A body, all there or to be read. */
export interface Body {
  readonly size: number;
  /** All of it, when it is in memory. */
  readonly bytes?: Buffer;
  /** A part of it, when it is not; each piece is good until the next one is asked for. */
  readonly read?: (span: Span) => AsyncIterable<Buffer>;
  /** The same in gzip, when that is on offer. */
  readonly gzip?: () => Promise<Buffer>;
}

/** What is sent, before conditions, ranges and encodings of the request are looked at. */
export interface Answer {
  readonly route: Route;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Body;
  /** A digest of the body, from which its strong tag is made; without it there are no conditions and no ranges. */
  readonly digest?: string;
}

/** Text as an answer. */
export function textAnswer(
  route: Route,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  const bytes = Buffer.from(text);
  return {
    route,
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
    body: { size: bytes.length, bytes },
  };
}

/** JSON as an answer, in one line. */
export function jsonAnswer(
  route: Route,
  status: number,
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return textAnswer(route, status, `${JSON.stringify(value)}\n`, { 'content-type': 'application/json', ...headers });
}
