import type { Answer } from './answer.ts';
import type { RangeFault } from './fault.ts';

/** The right answer, spoilt as `how` says. An answer without a file behind it stays as it is. */
export function misrange(answer: Answer, how: RangeFault): Answer {
  const { resource, body, headers } = answer;
  if (resource === undefined) return answer;
  const size = resource.body.length;
  switch (how) {
    case 'ignore':
      return {
        ...answer,
        status: 200,
        body: resource.body,
        headers: headersOf(answer, { 'content-length': size, 'content-range': undefined }),
      };
    case 'wrong-content-range':
      return { ...answer, headers: headersOf(answer, { 'content-range': shifted(headers['content-range'], size) }) };
    case 'wrong-etag':
      return { ...answer, headers: headersOf(answer, { etag: '"another-version"' }) };
    case 'refuse':
      return partial(answer, 416, Buffer.alloc(0), `bytes */${size}`);
    case 'short':
      return {
        ...answer,
        body: body.subarray(0, body.length >> 1),
        headers: headersOf(answer, { 'content-length': body.length >> 1 }),
      };
    case 'past-end':
      return partial(answer, 206, Buffer.alloc(0), `bytes ${size}-${size - 1}/${size}`);
    case 'unsolicited':
      return partial(answer, 206, resource.body.subarray(0, size >> 1), `bytes 0-${(size >> 1) - 1}/${size}`);
  }
}

function partial(answer: Answer, status: number, body: Buffer, contentRange: string): Answer {
  return {
    ...answer,
    status,
    body,
    headers: headersOf(answer, { 'content-length': body.length, 'content-range': contentRange }),
  };
}

function shifted(contentRange: unknown, size: number): string {
  const [, start, end] = /^bytes (\d+)-(\d+)/.exec(String(contentRange)) ?? ['', '0', String(size - 1)];
  return `bytes ${Number(start) + 1}-${Number(end) + 1}/${size}`;
}

function headersOf(answer: Answer, more: Answer['headers']): Answer['headers'] {
  return Object.fromEntries(Object.entries({ ...answer.headers, ...more }).filter(([, value]) => value !== undefined));
}
