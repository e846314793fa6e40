import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { scratchDir } from '@mirror-tools/test-support';
import { openJsonlAppender, readJsonLines, readLines } from '../../dist/index.js';

it('records survive a file that was torn at any byte', () => {
  const whole = '{"a":1}\n{"b":"ü"}\n';
  const bytes = Buffer.from(whole);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    const file = path.join(scratchDir(), 'x.jsonl');
    writeFileSync(file, bytes.subarray(0, cut));
    const appender = openJsonlAppender(file);
    appender.append([{ c: 3 }]);
    appender.close();
    const lines = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const kept = [cut >= 7 && { a: 1 }, cut >= bytes.length - 1 && { b: 'ü' }].filter((each) => each !== false);
    expect(lines).toEqual([...kept, { c: 3 }]);
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
