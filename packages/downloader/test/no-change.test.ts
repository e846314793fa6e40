import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { formatManifestRecord, indexPathOf, layoutPath, mtimeUsOf } from '@mirror/core';
import { run } from './mirror-run.ts';

const CRATES = 520;
const DIGEST = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'; // of no bytes
const names = Array.from({ length: CRATES }, (_, i) => {
  const letter = String.fromCharCode(97 + Math.floor(i / 20));
  return `${letter}${letter}-crate-${String(i)}`;
});
const fileOf = (name: string): string => layoutPath('shard', name, '1.0.0');

// lives as long as all tests here
const dir = mkdtempSync(path.join(os.tmpdir(), 'mirror-no-change-'));
afterAll(() => {
  rmSync(dir, { recursive: true });
});
const [index, out, manifest] = [path.join(dir, 'index'), path.join(dir, 'out'), path.join(dir, 'manifest.jsonl')];

function write(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function recordOf(name: string): string {
  const { size, mtimeMs } = lstatSync(path.join(out, fileOf(name)));
  const what = { url: 'http://x/', path: fileOf(name), size, sha256: DIGEST, mtimeUs: mtimeUsOf({ mtimeMs }), name };
  return formatManifestRecord({
    ...what,
    vers: '1.0.0',
    startedAt: 0,
    finishedAt: 0,
    status: 'downloaded',
    runId: 'r',
  });
}

beforeAll(() => {
  for (const name of names) {
    const line = { name, vers: '1.0.0', deps: [], cksum: DIGEST, features: {}, yanked: false };
    write(path.join(index, indexPathOf(name)), `${JSON.stringify(line)}\n`);
    write(path.join(out, fileOf(name)), '');
  }
  for (const name of ['zzzz', 'zzzy']) {
    const line = { name, vers: '1.0.0', deps: [], cksum: DIGEST, features: {}, yanked: true };
    write(path.join(index, indexPathOf(name)), `${JSON.stringify(line)}\n`);
  }
  writeFileSync(manifest, names.map(recordOf).join(''));
});

/** Nothing listens there: what is to be fetched fails. */
const NOWHERE = ['--crates-base-url', 'http://127.0.0.1:9/crates', '--retries', '0', '--progress-interval', '0'];

async function noChange(level: string): ReturnType<typeof run> {
  const args = ['--index-dir', index, '--out', out, '--manifest', manifest, ...NOWHERE];
  return run([...args, '--no-include-yanked', '--resume-check', level, '--log-level', 'error']);
}

describe('a run over a mirror that has everything', () => {
  it.each(['manifest', 'listing', 'exists'])(
    'counts all of it and records nothing, with the check %s',
    async (level) => {
      const before = readFileSync(manifest, 'utf8');
      const { status, summary } = await noChange(level);
      expect({ status, ...summary }).toMatchObject({
        ...{ status: 0, result: 'complete', downloaded: 0, failed: 0, skipped: CRATES },
        ...{ crates: CRATES + 2, versions: CRATES + 2, yanked: 2, selected_crates: CRATES, selected_versions: CRATES },
        left_out: { yanked: 2, excluded: 0, too_new: 0, too_old: 0, without_pubtime: 0, not_latest: 0 },
      });
      expect(readFileSync(manifest, 'utf8')).toBe(before);
    },
  );

  it('looks at the mirror while it reads the index, unless each version must be seen', async () => {
    const args = ['--index-dir', index, '--out', out, '--manifest', manifest, ...NOWHERE, '--log-level', 'debug'];
    const seenEarly = async (...more: string[]): Promise<number> =>
      Number(/seen_while_reading=(\d+)/.exec((await run([...args, '--no-include-yanked', ...more])).err)?.[1]);
    expect(await seenEarly()).toBe(CRATES);
    expect(await seenEarly('--resume-check', 'sha256')).toBe(0);
    expect(await seenEarly('--latest', '1')).toBe(0);
  });

  it('notices at each level what that level looks at', async () => {
    const [deleted, truncated, touched] = [names[500]!, names[505]!, names[510]!].map((name) =>
      path.join(out, fileOf(name)),
    ) as [string, string, string];
    rmSync(deleted);
    writeFileSync(truncated, 'more than nothing');
    truncateSync(truncated, 4);
    utimesSync(touched, 1, 1);
    const numbers = async (level: string): Promise<unknown> => {
      const { failed, skipped } = (await noChange(level)).summary;
      return { failed, skipped };
    };
    expect(await numbers('exists')).toEqual({ failed: 1, skipped: CRATES - 1 });
    expect(await numbers('listing')).toEqual({ failed: 1, skipped: CRATES - 1 });
    // the touched one was read, found right, and is recorded as it is now
    expect(await numbers('manifest')).toEqual({ failed: 2, skipped: CRATES - 2 });
    expect(
      readFileSync(manifest, 'utf8')
        .split('\n')
        .filter((line) => line.includes('"skipped"')),
    ).toHaveLength(1);
  });
});
