import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createMetrics, formatAccess } from '../dist/index.js';
import type { Access } from '../dist/index.js';
import { parseListen } from '@mirror/core';

const ACCESS: Access = {
  time: new Date('2026-03-04T05:06:07.890Z'),
  remote: '127.0.0.1',
  method: 'GET',
  target: '/index/se/rd/serde',
  protocol: 'HTTP/1.1',
  status: 200,
  bytes: 1234,
  ms: 1.5,
  referer: undefined,
  userAgent: 'cargo/1.95.0',
};

describe('the access log', () => {
  it('has the combined format', () => {
    expect(formatAccess(ACCESS, 'combined')).toBe(
      '127.0.0.1 - - [04/Mar/2026:05:06:07 +0000] "GET /index/se/rd/serde HTTP/1.1" 200 1234 "-" "cargo/1.95.0"\n',
    );
  });
  it('has JSON lines', () => {
    expect(JSON.parse(formatAccess(ACCESS, 'json'))).toMatchObject({
      time: '2026-03-04T05:06:07.890Z',
      target: '/index/se/rd/serde',
      status: 200,
      user_agent: 'cargo/1.95.0',
    });
  });
  it('is one line of printable characters, whatever a client sends', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 30 }),
        fc.constantFrom('combined' as const, 'json' as const),
        (text, format) => {
          const written = formatAccess({ ...ACCESS, target: text, userAgent: text, referer: text }, format);
          expect(written.slice(0, -1)).not.toMatch(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/);
          expect(written.endsWith('\n')).toBe(true);
          if (format === 'json') expect((JSON.parse(written) as { target: string }).target).toBe(text);
        },
      ),
    );
  });
  it('cuts what is too long', () => {
    expect(formatAccess({ ...ACCESS, userAgent: 'x'.repeat(100_000) }, 'combined').length).toBeLessThan(3000);
  });
});

describe('metrics', () => {
  it('count requests, bytes and durations', () => {
    const metrics = createMetrics();
    metrics.begin();
    metrics.begin();
    metrics.end({ route: 'index', status: 200, bytes: 10, seconds: 0.002 });
    metrics.corrupt();
    const samples = metrics.families().flatMap((family) => family.samples);
    const valueOf = (name: string, labels: object): number | undefined =>
      samples.find((each) => each.name === name && JSON.stringify(each.labels) === JSON.stringify(labels))?.value;
    expect(valueOf('mirror_server_requests_total', { route: 'index', status: 200 })).toBe(1);
    expect(valueOf('mirror_server_response_bytes_total', { route: 'index' })).toBe(10);
    const bucket = 'mirror_server_request_duration_seconds_bucket';
    expect(valueOf(bucket, { le: 0.001, route: 'index' })).toBe(0);
    expect(valueOf(bucket, { le: 0.0025, route: 'index' })).toBe(1);
    expect(valueOf(bucket, { le: '+Inf', route: 'index' })).toBe(1);
    expect(valueOf('mirror_server_inflight_requests', {})).toBe(1);
    expect(valueOf('mirror_server_corrupt_files_total', {})).toBe(1);
    expect(metrics.totals()).toEqual({ requests: 1, bytes: 10, inFlight: 1, corrupt: 1 });
  });
});

describe('an address to listen on', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    [':9090', { host: '127.0.0.1', port: 9090 }],
    ['9090', { host: '127.0.0.1', port: 9090 }],
    ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
    ['[::]:80', { host: '::', port: 80 }],
    ['mirror.example:443', { host: 'mirror.example', port: 443 }],
  ])('%s is %j', (text, expected) => {
    expect(parseListen(text)).toEqual(expected);
  });
  it.each(['', 'x', '127.0.0.1', '1.2.3.4:70000', 'a b:80', '[::1:80'])('%j is none', (text) => {
    expect(() => parseListen(text)).toThrow(expect.objectContaining({ code: 'ERR_USAGE' }));
  });
});
