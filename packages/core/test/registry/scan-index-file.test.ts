import { describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import fc from 'fast-check';
import { createBatchDecoder } from '../../dist/registry/entry-batch.js';
import type { ScannedFile } from '../../dist/registry/entry-batch.js';
import type { IndexSource } from '../../dist/registry/index-source.js';
import { createIdleEngine } from '../../dist/registry/line-engine.js';
import type { LineEngine } from '../../dist/registry/line-engine.js';
import { MAX_INDEX_FILE_BYTES, MAX_LINE_BYTES, createFileScanner } from '../../dist/registry/scan-index-file.js';
import { createWasmEngine } from '../../dist/registry/wasm-engine.js';

const PATH = 'se/rd/serde';
const cksum = '0c4b39bd9b0b087684013a792c59e3e07a46a01d2322518d8a1104641a0b1be0';
const DEP =
  '{"name":"serde_derive","req":"^1.0","features":["x"],"optional":true,"default_features":true,"target":"cfg(target_os = \\"linux\\")","kind":"normal","package":"a"}';
const PLAIN_LINES = [
  `{"name":"serde","vers":"1.0.0","deps":[],"cksum":"${cksum}","features":{},"yanked":false}`,
  `{"name":"Serde","vers":"0.1.0-alpha.1+build.01-x","deps":[${DEP},${DEP}],"cksum":"${cksum}","features":{"a":["b"],"c":[]},"yanked":true,"links":null}`,
  `{"name":"serde","vers":"1.0.0","deps":[],"cksum":"${cksum}","features":{},"features2":{"x":["dep:y"]},"yanked":false,"rust_version":"1.60","v":2,"pubtime":"2025-11-20T23:59:01Z"}`,
  `{ "vers" : "1.0.0" , "name" : "serde" , "cksum" : "${cksum}" , "yanked" : false , "n" : [ -1.5e+3 , 0 , { } , [ ] , "\\u00e9\\/" ] } \t\r`,
];

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const quickEngine = createWasmEngine(false);
const idleEngine = createIdleEngine();

function compareEngines(contents: Uint8Array): void {
  expect(scanned(quickEngine, PATH, contents)).toEqual(scanned(idleEngine, PATH, contents));
}

describe('the quick reader', () => {
  it('takes every plain line by itself', () => {
    const engine = createWasmEngine(false);
    const contents = bytesOf(`${PLAIN_LINES.join('\n')}\n`);
    engine.grow(300_000);
    engine.begin('serde');
    engine.bytes().set(contents, 200_000);
    const end = 200_000 + contents.length;
    expect(engine.run(200_000, end, 1, 65_536, 165_536)).toMatchObject({ at: end, line: PLAIN_LINES.length + 1 });
  });

  it('is what its source compiles to', () => {
    const core = path.resolve(import.meta.dirname, '../..');
    execFileSync(process.execPath, ['assembly/build-scan-lines.js', '--check'], { cwd: core });
  });

  it.each([
    ['a key inside deps', PLAIN_LINES[0]?.replace('[]', `[{"name":"x","vers":"9.9.9","cksum":"no","yanked":true}]`)],
    ['the same field twice', PLAIN_LINES[0]?.replace('{"name"', '{"yanked":true,"name"')],
    ['an escape in a key', PLAIN_LINES[0]?.replace('"yanked"', '"yan\\u006bed"')],
    ['an escape in a value', PLAIN_LINES[0]?.replace('"serde"', '"s\\u0065rde"')],
    ['an escaped key that repeats one', PLAIN_LINES[0]?.replace('{"name"', '{"n\\u0061me":"x","name"')],
    ['a name of another file', PLAIN_LINES[0]?.replace('"serde"', '"serdes"')],
    ['a number with a leading zero', PLAIN_LINES[0]?.replace('[]', '[01]')],
    ['a version with a leading zero', PLAIN_LINES[0]?.replace('1.0.0', '1.0.0-01')],
    ['build metadata with a leading zero', PLAIN_LINES[0]?.replace('1.0.0', '1.0.0+01')],
    ['a version of 201 characters', PLAIN_LINES[0]?.replace('1.0.0', `1.0.0-${'a'.repeat(195)}`)],
    ['a version of 200 characters', PLAIN_LINES[0]?.replace('1.0.0', `1.0.0-${'a'.repeat(194)}`)],
    ['upper-case hex', PLAIN_LINES[0]?.replace(cksum, cksum.toUpperCase())],
    ['a wrong digit in the checksum', PLAIN_LINES[0]?.replace('0c4b', '0g4b')],
    ['no end', PLAIN_LINES[0]?.slice(0, -1)],
    ['more behind its end', `${PLAIN_LINES[0]}x`],
    ['a second object', `${PLAIN_LINES[0]}${PLAIN_LINES[0]}`],
    ['a comma too many', PLAIN_LINES[0]?.replace('{}', '{"a":[],}')],
    ['the wrong bracket', PLAIN_LINES[0]?.replace('{}', '{]')],
    ['an odd value', PLAIN_LINES[0]?.replace('false', 'falsy')],
    ['a time that does not exist', PLAIN_LINES[2]?.replace('11-20', '02-30')],
    ['a leap day', PLAIN_LINES[2]?.replace('2025-11-20', '2024-02-29')],
    ['a leap second', PLAIN_LINES[2]?.replace('59:01', '59:60')],
    ['a time with an offset', PLAIN_LINES[2]?.replace('01Z', '01+02:00')],
    ['no time', PLAIN_LINES[2]?.replace('"2025-11-20T23:59:01Z"', 'null')],
    ['a byte order mark', `\ufeff${PLAIN_LINES[0]}`],
    ['text beyond ASCII', PLAIN_LINES[0]?.replace('[]', '["é"]')],
    ['deep nesting', PLAIN_LINES[0]?.replace('[]', '['.repeat(5000) + ']'.repeat(5000))],
    ['nesting at its limit', PLAIN_LINES[0]?.replace('[]', '['.repeat(61) + ']'.repeat(61))],
  ])('and the exact parser agree on %s', (_, line = '') => {
    compareEngines(bytesOf(`${PLAIN_LINES[0]}\n${line}\n${PLAIN_LINES[1]}\n`));
  });

  it('and the exact parser agree on lines with random damage', () => {
    const pieces = [
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      ' ',
      '\n',
      '\r',
      '\0',
      '0',
      '-',
      '+',
      '.',
      'e',
      '\\u12',
      '"name":',
      '"cksum":"',
      '"yanked":true,',
      '"vers":"1.0.0",',
      'null',
      'é',
      '\u{1f600}',
    ];
    const damage = fc.record({
      at: fc.nat(),
      cut: fc.nat({ max: 6 }),
      put: fc.oneof(fc.constant(''), fc.constantFrom(...pieces), fc.string({ maxLength: 3 })),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...PLAIN_LINES),
        fc.array(damage, { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (line, damages, ends) => {
          let text = line;
          for (const { at, cut, put } of damages) {
            const from = at % (text.length + 1);
            text = text.slice(0, from) + put + text.slice(from + cut);
          }
          compareEngines(bytesOf(`${PLAIN_LINES[0]}\n${text}${ends ? '\n' : ''}`));
        },
      ),
      { numRuns: 4000 },
    );
  });

  it('and the exact parser agree on bytes that are no UTF-8', () => {
    fc.assert(
      fc.property(fc.constantFrom(...PLAIN_LINES), fc.nat(), fc.integer({ min: 0x80, max: 0xff }), (line, at, byte) => {
        const contents = bytesOf(`${line}\n`);
        contents[at % contents.length] = byte;
        compareEngines(contents);
      }),
      { numRuns: 1000 },
    );
  });
});

describe.each([
  ['the quick reader', createWasmEngine],
  ['the exact reader', createIdleEngine],
])('%s', (_, createEngine) => {
  it('gives entries and problems by line', () => {
    const text = `\n${PLAIN_LINES[0]}\r\n  \nnonsense\n${PLAIN_LINES[1]}`;
    const { entries, problems } = scanned(createEngine(false), PATH, bytesOf(text));
    expect(entries.map(({ name, vers, line }) => `${line} ${name} ${vers}`)).toEqual([
      '2 serde 1.0.0',
      '5 Serde 0.1.0-alpha.1+build.01-x',
    ]);
    expect(problems).toEqual([
      { indexPath: PATH, line: 4, message: 'se/rd/serde:4: expected a JSON object, found "nonsense"' },
    ]);
  });

  it('gives the lines themselves when asked', () => {
    const lines = [...PLAIN_LINES, PLAIN_LINES[0]?.replace('[]', '["é\u{1f600}"]') ?? ''];
    const { entries } = scanned(createEngine(true), PATH, bytesOf(lines.join('\n')), true);
    expect(entries.map(({ text }) => text)).toEqual(lines);
  });

  it('gives lines longer than a batch', () => {
    const long = PLAIN_LINES[0]?.replace('[]', `["${'x'.repeat(600_000)}"]`) ?? '';
    const { entries } = scanned(createEngine(true), PATH, bytesOf(`${long}\n${PLAIN_LINES[1]}\n${long}\n`), true);
    expect(entries.map(({ text }) => text === long)).toEqual([true, false, true]);
  });

  it('reads a file larger than its window, however it comes', () => {
    const line = `${PLAIN_LINES[1]}\n`;
    const contents = bytesOf(line.repeat(5000));
    const expected = Array.from({ length: 5000 }, (__, i) => i + 1);
    for (const chunk of [2 ** 30, 65_536, 1001]) {
      const engine = createEngine(false);
      const lines: number[] = [];
      const scanner = createFileScanner({
        engine,
        withText: false,
        emit: (batch) => void lines.push(...linesIn(batch)),
      });
      scanner.scan(memorySource(contents, chunk), PATH);
      scanner.flush();
      expect(lines).toEqual(expected);
    }
  });

  it('refuses a line above the limit and reads on in bounded memory', () => {
    const engine = createEngine(false);
    const head = bytesOf(`${PLAIN_LINES[0]}\n`);
    const contents = new Uint8Array(2 * head.length + MAX_LINE_BYTES + 10 * 2 ** 20).fill(0x78);
    contents.set(head, 0);
    contents[contents.length - head.length - 1] = 10;
    contents.set(head, contents.length - head.length);
    const { entries, problems } = scanned(engine, PATH, contents);
    expect(entries.map(({ line }) => line)).toEqual([1, 3]);
    expect(problems.map(({ message }) => message)).toEqual([
      `se/rd/serde:2: expected a line of at most ${MAX_LINE_BYTES} bytes, found more`,
    ]);
    expect(engine.bytes().length).toBeLessThan(MAX_LINE_BYTES + 2 ** 20);
  });

  it('refuses a file above the limit', () => {
    const { entries, problems } = scanned(createEngine(false), PATH, new Uint8Array(MAX_INDEX_FILE_BYTES + 1).fill(10));
    expect(entries).toEqual([]);
    expect(problems).toEqual([
      {
        indexPath: PATH,
        line: 0,
        message: `se/rd/serde: expected a file of at most ${MAX_INDEX_FILE_BYTES} bytes, found ${MAX_INDEX_FILE_BYTES + 1}`,
      },
    ]);
  });

  it('counts malformed lines that it does not list', () => {
    const { problems } = scanned(createEngine(false), PATH, bytesOf('x\n'.repeat(5000)));
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)?.message).toBe('se/rd/serde: 4900 more malformed lines');
  });

  it('takes an empty file for a crate without versions', () => {
    expect(scanned(createEngine(false), PATH, new Uint8Array(0))).toMatchObject({ entries: [], problems: [] });
  });
});

/** The line numbers of the entries in a batch. */
function linesIn(batch: Uint8Array): number[] {
  const bytes = Buffer.from(batch);
  const lines: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] === 1) at += 2 + (bytes[at + 1] ?? 0);
    else {
      lines.push(bytes.readUInt32LE(at + 6));
      const texts = (bytes[at + 2] ?? 0) + (bytes[at + 3] ?? 0) + (bytes[at + 4] ?? 0);
      at += 14 + 64 + texts + bytes.readUInt32LE(at + 10);
    }
  }
  return lines;
}

/** An index of one file that gives at most `chunk` bytes at a time. */
function memorySource(contents: Uint8Array, chunk = 2 ** 30): IndexSource {
  return {
    folders: () => [],
    list: () => ({ indexPaths: [], ignored: 0 }),
    existing: (indexPaths) => indexPaths,
    open() {
      let at = 0;
      return {
        size: () => contents.length,
        read(target, offset, length) {
          const piece = contents.subarray(at, at + Math.min(length, chunk));
          target.set(piece, offset);
          at += piece.length;
          return piece.length;
        },
        close: () => undefined,
      };
    },
  };
}

/** What a scan with `engine` finds in an index file with these contents. */
function scanned(engine: LineEngine, indexPath: string, contents: Uint8Array, withText = false): ScannedFile {
  const decoder = createBatchDecoder();
  const found: ScannedFile[] = [];
  const scanner = createFileScanner({ engine, withText, emit: (batch) => found.push(...decoder.push(batch)) });
  scanner.scan(memorySource(contents), indexPath);
  scanner.flush();
  found.push(...decoder.end());
  const [file] = found;
  if (file === undefined || found.length !== 1) throw new Error(`expected one file, found ${found.length}`);
  return file;
}
