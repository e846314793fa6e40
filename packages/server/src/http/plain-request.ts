import type { IncomingHttpHeaders } from 'node:http';

/** The head of a request that has nothing unusual about it. */
export interface PlainRequest {
  readonly method: 'GET' | 'HEAD';
  /** As it stands in the request line; it begins with a slash. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
}

/**
 * Read what a connection brought, if it is exactly one request of the plainest kind: GET or HEAD of HTTP/1.1, whole, at most 8 KiB, with a
 * host, no field twice, and none that has to do with bodies or the connection but `Connection: keep-alive`. Anything else
 * is undefined, also when it is malformed: somebody with more patience has to say what is wrong with it.
 *
 * Stricter than RFC 9112 wherever the two differ, so that nothing is read here in another way than a proxy in front has read it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112
 */
export function readPlainRequest(bytes: Buffer): PlainRequest | undefined {
  if (bytes.length > MAX_BYTES) return undefined;
  const text = bytes.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  if (end < 0 || end + 4 !== text.length || ODD.test(text)) return undefined;
  const [, method, target] = REQUEST_LINE.exec(text) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let at = text.indexOf('\r\n') + 2; at < end;) {
    const colon = text.indexOf(':', at);
    const next = text.indexOf('\r\n', at);
    if (colon < 0 || colon > next) return undefined;
    const name = fieldName(text.slice(at, colon));
    if (name === undefined || headers[name] !== undefined) return undefined;
    const value = withoutBlanks(text, colon + 1, next);
    if (ABOUT_CONNECTION.has(name) && !(name === 'connection' && value.toLowerCase() === 'keep-alive'))
      return undefined;
    headers[name] = value;
    at = next + 2;
  }
  return headers['host'] === undefined ? undefined : { method: method as PlainRequest['method'], target, headers };
}

/** A field's name in lower case; undefined when it is none. Clients have few names, and they are looked at once. */
function fieldName(written: string): string | undefined {
  const known = names.get(written);
  if (known !== undefined) return known;
  const name = written.toLowerCase();
  if (!NAME.test(name)) return undefined;
  if (names.size < MAX_NAMES && name.length <= 40) names.set(written, name);
  return name;
}

const names = new Map<string, string>();
const MAX_NAMES = 256;

function withoutBlanks(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text, start)) start++;
  while (start < end && isBlank(text, end - 1)) end--;
  return text.slice(start, end);
}

function isBlank(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 0x20 || code === 0x09;
}

const MAX_BYTES = 8 * 1024;
const REQUEST_LINE = /^(GET|HEAD) (\/[!-~]*) HTTP\/1\.1\r\n/;
const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** A character that has no place in a head, or half of a line's end. */
const ODD = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/;

const ABOUT_CONNECTION: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
