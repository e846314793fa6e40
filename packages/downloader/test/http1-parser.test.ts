import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHttp1Parser } from '../dist/fetch/http1-parser.js';
import type { ParserState } from '../dist/fetch/http1-parser.js';

interface Seen {
  status: number | undefined;
  body: string;
  state: ParserState;
  /** What the end of the connection after the last byte means: nothing, or an error. */
  end: string;
  error: string;
}

/** Feed an answer cut at these places. */
function parse(answer: string, cuts: readonly number[]): Seen {
  const bytes = Buffer.from(answer, 'latin1');
  const seen: Seen = { status: undefined, body: '', state: 'more', end: '', error: '' };
  const parser = createHttp1Parser({
    onHead: (head) => {
      seen.status = head.status;
    },
    onBody: (chunk) => {
      seen.body += Buffer.from(chunk).toString('latin1');
    },
  });
  const places = [0, ...cuts, bytes.length];
  try {
    for (let i = 1; i < places.length; i += 1) {
      const piece = bytes.subarray(places[i - 1], places[i]);
      if (piece.length > 0) seen.state = parser.feed(Buffer.from(piece));
      if (seen.state !== 'more') break;
    }
  } catch (error) {
    seen.error = (error as Error).name;
    return seen;
  }
  try {
    parser.end();
  } catch (error) {
    seen.end = (error as Error).name;
  }
  return seen;
}

const LENGTH = 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\nETag: "x"\r\n\r\nhello world';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n6\r\n world\r\n0\r\nX-Sum: 1\r\n\r\n';
const INTERIM = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${LENGTH}`;
const TO_END = 'HTTP/1.0 200 OK\r\n\r\nhello world';
const EMPTY = 'HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n';
const NO_BODY = 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n';

describe('an answer', () => {
  it.each([
    ['with a length', LENGTH, { status: 200, body: 'hello world', state: 'done', end: '' }],
    ['in chunks', CHUNKED, { status: 200, body: 'hello world', state: 'done', end: '' }],
    ['after interim answers', INTERIM, { status: 200, body: 'hello world', state: 'done', end: '' }],
    ['to the end of the connection', TO_END, { status: 200, body: 'hello world', state: 'more', end: '' }],
    ['that is empty', EMPTY, { status: 200, body: '', state: 'done', end: '' }],
    ['without a body', NO_BODY, { status: 304, body: '', state: 'done', end: '' }],
  ])('%s is the same wherever its bytes are cut', (_, answer, expected) => {
    expect(parse(answer, [])).toMatchObject(expected);
    for (let cut = 1; cut < answer.length; cut += 1)
      expect(parse(answer, [cut])).toMatchObject({ ...expected, error: '' });
    const everyByte = Array.from({ length: answer.length - 1 }, (__, i) => i + 1);
    expect(parse(answer, everyByte)).toMatchObject({ ...expected, error: '' });
  });

  it('is read by the same parser after any other one, wherever the bytes are cut', () => {
    const answers = [LENGTH, CHUNKED, INTERIM, EMPTY, NO_BODY];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...answers), fc.array(fc.nat(200), { maxLength: 4 })), {
          minLength: 2,
          maxLength: 6,
        }),
        (rounds) => {
          let body = '';
          const parser = createHttp1Parser({
            onHead: () => undefined,
            onBody: (chunk) => {
              body += Buffer.from(chunk).toString('latin1');
            },
          });
          for (const [answer, cuts] of rounds) {
            body = '';
            parser.reset();
            expect(parser.isStarted).toBe(false);
            const bytes = Buffer.from(answer, 'latin1');
            const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
            const states = places.slice(1).map((to, i) => parser.feed(Buffer.from(bytes.subarray(places[i], to))));
            expect(states.at(-1)).toBe('done');
            expect(body).toBe(parse(answer, []).body);
          }
        },
      ),
    );
  });

  it('that ends too early is an error at every length', () => {
    for (const answer of [LENGTH, CHUNKED, INTERIM, EMPTY, NO_BODY]) {
      for (let length = 0; length < answer.length; length += 1) {
        const seen = parse(answer.slice(0, length), []);
        expect({ length, state: seen.state, end: seen.end }).toEqual({ length, state: 'more', end: 'Http1Error' });
      }
    }
  });

  it('with more than it should have is whole, and its connection is not used again', () => {
    expect(parse(`${LENGTH}HTTP/1.1 200 OK\r\n`, [])).toMatchObject({ body: 'hello world', state: 'done-close' });
    expect(parse(LENGTH.replace('ETag: "x"', 'Connection: close'), [])).toMatchObject({ state: 'done-close' });
    expect(parse('HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx', [])).toMatchObject({ state: 'done-close' });
  });
});

describe('what can be read in two ways is refused', () => {
  it.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['a length with a sign', 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello'],
    ['a length in hex', 'HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello'],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
    ['a NUL in a header', 'HTTP/1.1 200 OK\r\nX: \0\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['HTTP/2 in words', 'HTTP/2 200\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n'],
    ['a switch of protocols', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a chunk size that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    [
      'a chunk that is longer than it says',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
    ],
    ['a trailer that is no header', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nnonsense\r\n\r\n'],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`],
    ['interim answers without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(3000)],
    ['a chunk line without end', `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(5000)}`],
  ])('%s', (_, answer) => {
    expect(parse(answer, [])).toMatchObject({ error: 'Http1Error' });
    expect(parse(answer, [Math.floor(answer.length / 2)])).toMatchObject({ error: 'Http1Error' });
  });
});

it('any bytes, however cut, give an answer or an error, and the same one', () => {
  const piece = fc.constantFrom(
    'HTTP/1.1 200 OK\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n',
    'abc',
    '3\r\nabc\r\n',
    '0\r\n',
    '\n',
    '\0',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(120), { maxLength: 6 }), (pieces, places) => {
      const answer = pieces.join('');
      const cuts = [...new Set(places.filter((place) => place > 0 && place < answer.length))].sort((a, b) => a - b);
      const [whole, cut] = [parse(answer, []), parse(answer, cuts)];
      expect({ error: cut.error, status: cut.status, body: cut.body }).toEqual({
        error: whole.error,
        status: whole.status,
        body: whole.body,
      });
    }),
    { numRuns: 2000 },
  );
});
