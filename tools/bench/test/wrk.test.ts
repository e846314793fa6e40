import { expect, it } from '@jest/globals';
import { parseWrk } from '../dist/wrk.js';

const SAID = `Running 2s test @ http://127.0.0.1:1
  1 threads and 32 connections
  61506 requests in 2.00s, 88.61MB read
Requests/sec:  30753.21
Transfer/sec:     44.30MB
`;

it('what wrk says is read', () => {
  expect(parseWrk(SAID)).toEqual({ requests: 61506, perSecond: 30753.21 });
});

it.each([`${SAID}Non-2xx or 3xx responses: 3\n`, `Socket errors: connect 0, read 2\n${SAID}`, 'unable to connect'])(
  'a run with failures is no measurement: %j',
  (said) => {
    expect(() => parseWrk(said)).toThrow('wrk');
  },
);
