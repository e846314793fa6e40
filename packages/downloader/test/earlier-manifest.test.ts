import { expect, it } from '@jest/globals';
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBin, scratchDir } from '@mirror-tools/test-support';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const file = 's/er/serde-1.0.0.crate';
const cksum = 'a'.repeat(64);

/** A folder with an index of one version, whose record is in the manifest inside the mirror. */
function workplace(record: object): { readonly dir: string; readonly inside: string } {
  const dir = scratchDir();
  mkdirSync(path.join(dir, 'index/se/rd'), { recursive: true });
  mkdirSync(path.join(dir, 'mirror/.mirror'), { recursive: true });
  const line = { name: 'serde', vers: '1.0.0', deps: [], cksum, features: {}, yanked: false };
  writeFileSync(path.join(dir, 'index/se/rd/serde'), `${JSON.stringify(line)}\n`);
  const inside = path.join(dir, 'mirror/.mirror/manifest.jsonl');
  writeFileSync(inside, `${JSON.stringify({ path: file, ...record })}\n`);
  return { dir, inside };
}

function inFolder(dir: string, command: string, ...more: string[]): ReturnType<typeof runBin> {
  return runBin(bin, [command, '--index-dir', 'index', '--out', 'mirror', ...more], { cwd: dir });
}

it('without --manifest it is the one inside the mirror, and one of an earlier version in the working directory only where that is not there', async () => {
  const { dir, inside } = workplace({ size: null, sha256: null, ok: false, status: 'absent' });
  const verify = async (...more: string[]): Promise<[number | null, boolean]> => {
    const { status, stdout, stderr } = await inFolder(dir, 'verify', ...more);
    expect(stdout).toContain(status === 4 ? '"missing":1' : '"absent":1');
    return [status, stderr.includes('using the manifest of an earlier version')];
  };
  // nothing is there to be intact
  expect(await verify()).toEqual([3, false]);
  expect(await verify('--manifest', 'other.jsonl')).toEqual([4, false]);
  writeFileSync(path.join(dir, 'manifest.jsonl'), '');
  expect(await verify()).toEqual([3, false]);
  renameSync(inside, path.join(dir, 'manifest.jsonl'));
  expect(await verify()).toEqual([3, true]);
}, 240_000); // four processes

it('a download writes there', async () => {
  const dir = scratchDir();
  writeFileSync(path.join(dir, 'list'), '');
  const { status } = await runBin(bin, ['--list', 'list', '--out', 'mirror'], { cwd: dir });
  expect({ status, here: readdirSync(dir).sort() }).toEqual({ status: 0, here: ['list', 'mirror'] });
  expect(readdirSync(path.join(dir, 'mirror/.mirror')).sort()).toEqual(['layout.json', 'manifest.jsonl']);
});

it('and plan finds it', async () => {
  const { dir } = workplace({ size: 3, sha256: cksum, mtime_us: 1, ok: true, status: 'downloaded' });
  mkdirSync(path.join(dir, 'mirror/s/er'), { recursive: true });
  writeFileSync(path.join(dir, 'mirror', file), 'not');
  const plan = async (...more: string[]): Promise<object> =>
    JSON.parse((await inFolder(dir, 'plan', '--resume-check', 'listing', ...more)).stdout) as object;
  expect(await plan()).toMatchObject({ present: 1, wrong: 0 });
  expect(await plan('--manifest', 'other.jsonl')).toMatchObject({ present: 0, wrong: 1 });
});
