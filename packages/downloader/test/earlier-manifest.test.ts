import { expect, it } from '@jest/globals';
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
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

it('without --manifest, verify takes the manifest here, else that inside the mirror', async () => {
  const { dir, inside } = workplace({ size: null, sha256: null, ok: false, status: 'absent' });
  const verify = async (...more: string[]): Promise<number | null> => (await inFolder(dir, 'verify', ...more)).status;
  expect(await verify()).toBe(0);
  expect(await verify('--manifest', 'other.jsonl')).toBe(4);
  writeFileSync(path.join(dir, 'manifest.jsonl'), '');
  expect(await verify()).toBe(4);
  renameSync(inside, path.join(dir, 'manifest.jsonl'));
  expect(await verify()).toBe(0);
});

it('and so does plan', async () => {
  const { dir } = workplace({ size: 3, sha256: cksum, mtime_us: 1, ok: true, status: 'downloaded' });
  mkdirSync(path.join(dir, 'mirror/s/er'), { recursive: true });
  writeFileSync(path.join(dir, 'mirror', file), 'not');
  const plan = async (...more: string[]): Promise<object> =>
    JSON.parse((await inFolder(dir, 'plan', '--resume-check', 'listing', ...more)).stdout) as object;
  expect(await plan()).toMatchObject({ present: 1, wrong: 0 });
  expect(await plan('--manifest', 'other.jsonl')).toMatchObject({ present: 0, wrong: 1 });
});
