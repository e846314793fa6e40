import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { scratchDir } from '@mirror-tools/test-support';
import { openJsonlAppender, readJsonLines, readLines } from '../../dist/index.js';

it('records survive a file that was torn at any byte', () => {
  const whole = '{"a":1}\n{"a":"ü"}\n';
  const bytes = Buffer.from(whole);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const file = path.join(scratchDir(), 'x.jsonl');
    writeFileSync(file, bytes.subarray(0, cut));
    const appender = openJsonlAppender(file, 'a');
    appender.append([{ a: 3 }]);
    appender.close();
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const kept = [cut >= 7 && { a: 1 }, cut >= bytes.length - 1 && { a: 'ü' }].filter((each) => each !== false);
    expect(lines).toEqual([...kept, { a: 3 }]);
  }
});

it('a stream cut anywhere gives the same lines', async () => {
  const lines = fc.array(fc.string({ unit: 'binary' }).filter((text) => !/[\r\n]/.test(text) && text !== ''));
  await fc.assert(
    fc.asyncProperty(lines, fc.integer({ min: 1, max: 9 }), fc.boolean(), async (expected, size, ended) => {
      const bytes = Buffer.from(expected.join('\n') + (ended ? '\n' : ''));
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      const found: (string | undefined)[] = [];
      for await (const { text } of readLines(Readable.from(chunks))) found.push(text);
      expect(found).toEqual(expected.map((text) => Buffer.from(text).toString()));
    }),
  );
});

it('a line that is too long or not JSON is reported with its number and ends nothing', async () => {
  const text = `{"a":1}\n\nnonsense\n"${'x'.repeat(1000)}"\n{"b":2}`;
  const found: unknown[] = [];
  for await (const each of readJsonLines(Readable.from([Buffer.from(text)]), 100)) found.push([each.line, each.ok]);
  expect(found).toEqual([
    [1, true],
    [3, false],
    [4, false],
    [5, true],
  ]);
});

it('a stream that uses its buffer again does not spoil a line', async () => {
  const shared = Buffer.alloc(4);
  const reusing = async function* (): AsyncGenerator<Uint8Array> {
    for (const text of ['{"a"', ':12}', '\n"x"']) {
      shared.write(text);
      yield shared;
      await Promise.resolve();
    }
  };
  const found: unknown[] = [];
  for await (const each of readJsonLines(reusing())) found.push(each.ok && each.value);
  expect(found).toEqual([{ a: 12 }, 'x']);
});

it('a file that cannot be opened is an error of the disk', () => {
  expect(() => openJsonlAppender(path.join(scratchDir(), 'no', 'where'))).toThrow(/cannot write .*where/);
});

const RECORD = '{"schema_version":1,"url":"u"}\n';
it.each([
  ['text without a line feed', 'some notes'],
  ['text with lines', 'some notes\nof mine\n'],
  ['text whose last line looks like a record', 'notes\n{"schema_version":1,"u'],
  ['other JSON lines', '{"name":"x"}\n{"name":"y"}\n'],
  ['an archive', Buffer.from('28b52ffd04000000000a00ff', 'hex')],
  ['records with other bytes behind them', `${RECORD}binary \0 tail`],
  ['records with a number behind them', `${RECORD}5`],
  ['a long file without a line feed', '{"schema_version":'.padEnd(2 << 20, 'x')],
  ['records with too long an end', `${RECORD}{"schema_version":`.padEnd(2 << 20, 'x')],
])('%s is refused and left as it is', (_, content) => {
  const file = path.join(scratchDir(), 'x');
  writeFileSync(file, content);
  expect(() => openJsonlAppender(file)).toThrow(expect.objectContaining({ code: 'ERR_INTEGRITY' }));
  expect(readFileSync(file).equals(Buffer.from(content))).toBe(true);
});

it('a torn end is cut off wherever it is torn, also with the zeros that a power cut leaves', () => {
  for (let cut = 0; cut < RECORD.length - 1; cut += 1) {
    for (const zeros of ['', '\0'.repeat(40)]) {
      for (const before of ['', RECORD]) {
        const file = path.join(scratchDir(), 'x');
        writeFileSync(file, before + RECORD.slice(0, cut) + zeros);
        const appender = openJsonlAppender(file);
        appender.appendText(RECORD);
        appender.close();
        expect(readFileSync(file, 'utf8')).toBe(before + RECORD);
      }
    }
  }
});
