import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeSeekTable, parseSeekTable, SEEK_FOOTER_BYTES, seekTableBytes } from '../../dist/bundle/seek-table.js';

const uint32 = fc.nat({ max: 2 ** 32 - 1 });
const frame = fc.record({ compressed: uint32, uncompressed: uint32, checksum: uint32 });

it('a seek table gives back the frames it was made of', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 50 }), (frames) => {
      const table = encodeSeekTable(frames);
      const fileBytes = table.length + frames.reduce((sum, { compressed }) => sum + compressed, 0);
      expect(seekTableBytes(table.subarray(-SEEK_FOOTER_BYTES), fileBytes, 'x')).toBe(table.length);
      expect(parseSeekTable(table, fileBytes, 'x')).toEqual(frames);
    }),
  );
});

it('a table without checksums is read', () => {
  const table = Buffer.from('5e2a4d1811000000' + '0a00000014000000' + '0100000000' + 'b1ea928f', 'hex');
  expect(parseSeekTable(table, table.length + 10, 'x')).toEqual([
    { compressed: 10, uncompressed: 20, checksum: undefined },
  ]);
});

it('a table that does not add up to the file is refused', () => {
  const table = encodeSeekTable([{ compressed: 10, uncompressed: 20, checksum: 0 }]);
  expect(() => parseSeekTable(table, table.length + 11, 'x')).toThrow(
    expect.objectContaining({ code: 'ERR_INTEGRITY' }),
  );
});

it('a table that claims more frames than the file can hold is refused before it is read', () => {
  const footer = encodeSeekTable([]).subarray(-SEEK_FOOTER_BYTES);
  footer.writeUInt32LE(100, 0);
  expect(() => seekTableBytes(footer, 1000, 'x')).toThrow('claims 100 frames');
  footer.writeUInt32LE(2 ** 24, 0);
  expect(() => seekTableBytes(footer, 2 ** 50, 'x')).toThrow('claims 16777216 frames');
});

it('any bytes are either a seek table or refused as damaged', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: SEEK_FOOTER_BYTES, maxLength: 80 }), fc.boolean(), (bytes, withMagic) => {
      const table = Buffer.from(bytes);
      if (withMagic) table.writeUInt32LE(0x8f92eab1, table.length - 4);
      try {
        const length = seekTableBytes(table.subarray(-SEEK_FOOTER_BYTES), table.length, 'x');
        parseSeekTable(table.subarray(-length), table.length, 'x');
      } catch (error) {
        expect(error).toMatchObject({ code: 'ERR_INTEGRITY' });
      }
    }),
    { numRuns: 1000 },
  );
});
