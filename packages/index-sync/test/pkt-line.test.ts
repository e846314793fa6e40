import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Readable } from 'node:stream';
import { pktLine, readPackets, type Packet } from '../dist/git/pkt-line.js';

async function packetsOf(bytes: Buffer, pieces: readonly number[]): Promise<Packet[]> {
  const cut = function* (): Generator<Buffer> {
    let at = 0;
    for (const length of [...pieces, bytes.length]) {
      yield bytes.subarray(at, at + length);
      at += length;
    }
  };
  const found: Packet[] = [];
  for await (const packet of readPackets(Readable.from(cut())))
    found.push(typeof packet === 'string' ? packet : Buffer.from(packet));
  return found;
}

describe('packets', () => {
  it('come out whole however the body is cut', async () => {
    const line = fc.string({ maxLength: 50 }).filter((text) => !text.includes('\n'));
    await fc.assert(
      fc.asyncProperty(
        fc.array(line, { maxLength: 20 }),
        fc.array(fc.nat(30), { maxLength: 40 }),
        async (lines, pieces) => {
          const body = Buffer.from(`${lines.map(pktLine).join('')}0001${pktLine('x')}0000`);
          const found = await packetsOf(body, pieces);
          expect(found.map(String)).toEqual([...lines.map((text) => `${text}\n`), 'delim', 'x\n', 'flush']);
        },
      ),
    );
  });

  it.each(['0003', 'zzzz', 'fff9', '-001'])('refuse the length %s', async (length) => {
    await expect(packetsOf(Buffer.from(`${length}abc`), [])).rejects.toMatchObject({ code: 'ERR_HTTP' });
  });

  it('notice a body that ends too early', async () => {
    await expect(packetsOf(Buffer.from('0009ab'), [])).rejects.toMatchObject({ code: 'ERR_NETWORK' });
  });
});
