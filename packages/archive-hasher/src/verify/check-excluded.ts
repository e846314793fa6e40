import { createReadStream, lstatSync } from 'node:fs';
import path from 'node:path';
import { MirrorError, ifThere, messageOf } from '@mirror/core/errors';
import { readPublicKeys, readSignatures } from '@mirror/core/evidence';
import { algorithmsNamed, createHasher } from '../algorithms.ts';
import type { ReportHeader } from '../report.ts';
import { systemPath } from '../tree-path.ts';
import type { Difference } from './compare-item.ts';
import { verifyPacked } from './verify-packed.ts';
import type { VerifyArchiveOptions } from './verify-options.ts';

/**
 * Check what the report leaves out as an output of its own run: it may be absent, but what has its name must be that output, or anything could
 * hide there. The archive must hold the same report and what that says.
 */
export async function* checkExcluded(
  dir: string,
  { directory, hashes, signature }: ReportHeader,
  reportSha256: string,
  options: VerifyArchiveOptions,
): AsyncGenerator<Difference> {
  for (const each of directory.excluded) {
    const file = systemPath(dir, each).toString();
    const stat = ifThere(() => lstatSync(file));
    if (stat === undefined) continue;
    const wrong = (what: string, expected: string, found: string): Difference => ({
      change: 'changed',
      path: each,
      what,
      expected,
      found,
    });
    if (!stat.isFile()) {
      yield wrong('type', 'file', stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'special');
      continue;
    }
    const ending = path.extname(each).slice(1);
    try {
      if (ending === 'toml') {
        const found = await digestOf(file, 'sha256');
        if (found !== reportSha256) yield wrong('report', reportSha256, found);
      } else if (ending === 'zip' || ending === 'tar') {
        const { trusted, publicKey, algorithms, log, signal } = options;
        const allowUnsigned = signature === undefined;
        const packed = await verifyPacked({
          archive: file,
          trusted,
          publicKey,
          algorithms,
          log,
          signal,
          allowUnsigned,
        });
        const differing = Object.values(packed.differences).reduce((sum, count) => sum + count, 0);
        if (packed.reportSha256 !== reportSha256) yield wrong('archive', reportSha256, packed.reportSha256);
        else if (differing > 0) yield wrong('archive', 'what its report says', `${String(differing)} differences`);
      } else if (each.endsWith('.pub.asc')) {
        await readPublicKeys(file);
      } else if (ending === 'asc') {
        await readSignatures(file);
      } else {
        const found = await digestOf(file, ending);
        if (found !== hashes.get(ending)) yield wrong('listing', hashes.get(ending) ?? 'no such listing', found);
      }
    } catch (error) {
      if (!(error instanceof MirrorError) || !BAD.has(error.code)) throw error;
      yield wrong('content', 'the output of this run', messageOf(error));
    }
  }
}

async function digestOf(file: string, algorithm: string): Promise<string> {
  const hasher = await createHasher(algorithmsNamed([algorithm])[0]!);
  hasher.init();
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hasher.update(chunk as Buffer);
  return hasher.digest();
}

const BAD: ReadonlySet<string> = new Set(['ERR_INTEGRITY', 'ERR_SIGNATURE', 'ERR_USAGE']);
