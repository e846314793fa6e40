import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { setImmediate as turn } from 'node:timers/promises';
import { pack } from 'tar-stream';
import { encodeTarHeader, padded, tarHeaderBytes } from '../../dist/bundle/tar-header.js';

describe('the tar header', () => {
  it('is the one that tar-stream writes, for any path and size', async () => {
    await fc.assert(
      fc.asyncProperty(somePath, fc.oneof(fc.nat(), fc.nat({ max: 2 ** 40 })), async (path, size) => {
        expect(encodeTarHeader(path, size).equals(await fromTarStream(path, size))).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('has the length that is told beforehand', () => {
    fc.assert(fc.property(somePath, (path) => tarHeaderBytes(path) === encodeTarHeader(path, 1).length));
  });

  it('is one block up to 100 characters, and three with a PAX record for a name of 215', () => {
    expect(tarHeaderBytes('x'.repeat(100))).toBe(512);
    expect(tarHeaderBytes(`s/er/${'x'.repeat(90)}/${'y'.repeat(100)}`)).toBe(512);
    expect(tarHeaderBytes(`s/er/${'x'.repeat(215)}`)).toBe(3 * 512);
  });

  it('counts the length of a PAX record with its own digits', () => {
    for (let length = 980; length < 1010; length += 1) {
      const record = encodeTarHeader('x'.repeat(length), 0).subarray(512);
      const told = Number(record.toString('latin1', 0, record.indexOf(' ')));
      expect(record[told - 1]).toBe('\n'.charCodeAt(0));
    }
  });
});

it('padding fills whole blocks', () => {
  expect([0, 1, 511, 512, 513].map(padded)).toEqual([0, 512, 512, 512, 1024]);
});

const part = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-+.~ é漢'), minLength: 1, maxLength: 130 });
const plainPart = fc.string({ unit: fc.constantFrom(...'abcXYZ019_-+.'), minLength: 1, maxLength: 130 });
const somePath = fc
  .oneof(fc.array(plainPart, { minLength: 1, maxLength: 5 }), fc.array(part, { minLength: 1, maxLength: 3 }))
  .map((parts) => parts.join('/'));

async function fromTarStream(name: string, size: number): Promise<Buffer> {
  const tar = pack();
  const chunks: Buffer[] = [];
  tar.on('data', (chunk) => chunks.push(chunk as Buffer));
  tar.on('error', () => undefined);
  tar.entry({ name, size, mode: 0o644, mtime: new Date(0) }).on('error', () => undefined);
  await turn();
  tar.destroy();
  return Buffer.concat(chunks);
}
