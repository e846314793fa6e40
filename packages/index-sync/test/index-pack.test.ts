import { describe, expect } from '@jest/globals';
import { entryHeader } from '@mirror/core/git';
import { itWith, scratchDir } from '@mirror-tools/test-support';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateSync } from 'node:zlib';
import { GIT_LIMITS } from '../dist/index.js';
import { indexPack } from '../dist/git/index-pack.js';

const BLOB = 3;
const OFS_DELTA = 6;
const REF_DELTA = 7;

/** A delta that copies all of `base` and puts `more` behind it; both shorter than 128 bytes times 128. */
function deltaOf(base: Buffer, more: string): Buffer {
  const size = (n: number): number[] => [(n % 128) | 0x80, n >> 7];
  const copy = [0x80 | 0x10 | 0x20, base.length % 256, base.length >> 8];
  return Buffer.from([
    ...size(base.length),
    ...size(base.length + more.length),
    ...copy,
    more.length,
    ...Buffer.from(more),
  ]);
}

function nameOf(data: Buffer): Buffer {
  return createHash('sha1').update(`blob ${data.length}\0`).update(data).digest();
}

function packOf(entries: readonly Buffer[]): Buffer {
  const header = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1');
  header.writeUInt32BE(entries.length, 8);
  const body = Buffer.concat([header, ...entries]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

/** A chain of `depth` deltas, each on the one before, by distance or by name. */
function chain(depth: number, kind: typeof OFS_DELTA | typeof REF_DELTA): Buffer[] {
  let data = Buffer.from('the first bytes of all\n');
  const entries = [Buffer.concat([entryHeader(BLOB, data.length), deflateSync(data)])];
  for (let n = 1; n <= depth; n++) {
    const more = `line ${n}\n`;
    const delta = deltaOf(data, more);
    const distance = entries.at(-1)?.length ?? 0; // below 128: one byte
    const base = kind === OFS_DELTA ? Buffer.from([distance]) : nameOf(data);
    entries.push(Buffer.concat([entryHeader(kind, delta.length), base, deflateSync(delta)]));
    data = Buffer.concat([data, Buffer.from(more)]);
  }
  return entries;
}

async function* inPieces(bytes: Buffer, length: number): AsyncGenerator<Buffer> {
  await Promise.resolve();
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

describe('a pack', () => {
  itWith(['git'], 'with long chains of deltas gets the index that git gives it', async () => {
    const packs = {
      distances: packOf(chain(300, OFS_DELTA)),
      names: packOf(chain(300, REF_DELTA)),
      // what stands on others comes before them
      backwards: packOf(chain(300, REF_DELTA).reverse()),
    };
    for (const [name, pack] of Object.entries(packs)) {
      const dir = scratchDir();
      const file = path.join(dir, 'judge.pack');
      writeFileSync(file, pack);
      execFileSync('git', ['index-pack', file], { cwd: dir });
      const options = { dir, limits: GIT_LIMITS, threads: 1, findBase: () => undefined };
      const indexed = await indexPack(inPieces(pack, 777), options);
      expect([name, indexed?.objects, indexed?.addedBases]).toEqual([name, 301, 0]);
      const ours = readFileSync(path.join(dir, `${indexed?.name ?? ''}.idx`));
      expect(ours.equals(readFileSync(path.join(dir, 'judge.idx')))).toBe(true);
    }
  });
});
