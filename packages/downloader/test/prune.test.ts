import { beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { acquireLock } from '@mirror/core';
import { runBin, scratchDir } from '@mirror-tools/test-support';
import { run } from './mirror-run.ts';
import type { Run } from './mirror-run.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

let dir: string;
let index: string;
let out: string;
beforeEach(() => {
  dir = scratchDir();
  index = path.join(dir, 'index');
  out = path.join(dir, 'out');
});

/** A mirror of `crate-a`, with versions 0.0.0 to 0.0.(count - 1), of which the index has those that `isKept` says. */
function makeMirror(count: number, isKept: (patch: number) => boolean): void {
  mkdirSync(path.join(index, 'cr/at'), { recursive: true });
  mkdirSync(path.join(out, 'c/ra'), { recursive: true });
  const patches = Array.from({ length: count }, (_, patch) => patch);
  for (const patch of patches) writeFileSync(inMirror(patch), `bytes of ${String(patch)}`);
  writeIndex(patches.filter(isKept));
}

function writeIndex(patches: readonly number[]): void {
  const lines = patches.map((patch) =>
    JSON.stringify({
      ...{ name: 'crate-a', vers: `0.0.${String(patch)}`, deps: [], cksum: digestOf(`bytes of ${String(patch)}`) },
      ...{ features: {}, yanked: patch % 2 === 0 },
    }),
  );
  writeFileSync(path.join(index, 'cr/at/crate-a'), lines.map((line) => `${line}\n`).join(''));
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function pathOf(patch: number): string {
  return `c/ra/crate-a-0.0.${String(patch)}.crate`;
}

function inMirror(patch: number): string {
  return path.join(out, pathOf(patch));
}

function inQuarantine(patch: number): string {
  return path.join(out, '.mirror/quarantine', pathOf(patch));
}

function prune(...more: string[]): Promise<Run> {
  return run(['prune', '--index-dir', index, '--out', out, '--progress-interval', '0', ...more]);
}

function linesOf({ out: text }: Run): Record<string, unknown>[] {
  const lines = text.trimEnd().split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

function tombstones(): Record<string, unknown>[] {
  const file = path.join(out, '.mirror/tombstones.jsonl');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Every file of a mirror and its text, our own folder included, lock and tombstones left out. */
function everything(): Record<string, string> {
  const entries = readdirSync(out, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = entries.map((entry) => path.relative(out, path.join(entry.parentPath, entry.name)));
  return Object.fromEntries(
    names
      .filter((name) => !name.startsWith('.mirror/lock') && name !== '.mirror/tombstones.jsonl')
      .sort()
      .map((name) => [name, readFileSync(path.join(out, name), 'utf8')]),
  );
}

const notThird = (patch: number): boolean => patch !== 3;

describe('policies', () => {
  it('keep, the default, tells what is gone and touches nothing', async () => {
    makeMirror(40, notThird);
    const before = everything();
    const result = await prune();
    expect(result.status).toBe(0);
    expect(linesOf(result)).toEqual([
      {
        ...{ path: pathOf(3), name: 'crate-a', vers: '0.0.3', size: 10, policy: 'keep' },
        ...{ reason: 'the index has no such version', acted: false },
      },
    ]);
    expect(result.summary).toMatchObject({ result: 'kept', files: 40, gone: 1, taken_out: 0, share: 0.025 });
    expect(everything()).toEqual(before);
    expect(existsSync(path.join(out, '.mirror'))).toBe(false);
  });

  it('quarantine moves the file and leaves a tombstone that tells where', async () => {
    makeMirror(40, notThird);
    const result = await prune('--policy', 'quarantine');
    expect(result.status).toBe(0);
    expect(existsSync(inMirror(3))).toBe(false);
    expect(readFileSync(inQuarantine(3), 'utf8')).toBe('bytes of 3');
    expect(linesOf(result)).toMatchObject([{ path: pathOf(3), acted: true }]);
    const [tombstone] = tombstones();
    expect(Object.keys(tombstone ?? {})).toEqual(
      'schema_version path name vers sha256 size mtime_us policy reason moved_to at run_id'.split(' '),
    );
    expect(tombstone).toMatchObject({
      ...{ schema_version: 1, path: pathOf(3), name: 'crate-a', vers: '0.0.3', sha256: digestOf('bytes of 3') },
      ...{ size: 10, policy: 'quarantine', moved_to: `.mirror/quarantine/${pathOf(3)}` },
      run_id: result.summary['run_id'],
    });
    expect(result.summary).toMatchObject({ result: 'done', taken_out: 1, bytes: 10 });
    expect((await prune('--policy', 'quarantine')).summary).toMatchObject({ result: 'nothing to do', gone: 0 });
    expect(tombstones()).toHaveLength(1);
  });

  it('delete removes the file, after its tombstone', async () => {
    makeMirror(40, notThird);
    expect((await prune('--policy', 'delete')).status).toBe(0);
    expect(Object.keys(everything())).toHaveLength(39);
    expect(existsSync(inMirror(3))).toBe(false);
    expect(tombstones()).toMatchObject([{ path: pathOf(3), policy: 'delete', moved_to: null }]);
  });

  it('yanked versions are in the index and stay', async () => {
    makeMirror(40, () => true);
    expect((await prune('--policy', 'delete')).summary).toMatchObject({ gone: 0 });
    expect(Object.keys(everything())).toHaveLength(40);
  });

  it('a dry run says the same and does nothing', async () => {
    makeMirror(40, notThird);
    const before = everything();
    const result = await prune('--policy', 'delete', '--dry-run');
    expect(result.status).toBe(0);
    expect(linesOf(result)).toMatchObject([{ path: pathOf(3), policy: 'delete', acted: false }]);
    expect(everything()).toEqual(before);
  });

  it('a file that comes back and goes again gets another tombstone, and quarantine keeps both', async () => {
    makeMirror(40, notThird);
    await prune('--policy', 'quarantine');
    writeFileSync(inMirror(3), 'other bytes');
    await prune('--policy', 'quarantine');
    expect(tombstones()).toHaveLength(2);
    expect(readFileSync(inQuarantine(3), 'utf8')).toBe('bytes of 3');
    expect(readFileSync(`${inQuarantine(3)}.${digestOf('other bytes')}`, 'utf8')).toBe('other bytes');
  });
});

describe('what is never touched', () => {
  it('nothing goes when more than --max-share would, unless it is told so', async () => {
    makeMirror(40, (patch) => patch > 2);
    const before = everything();
    const refused = await prune('--policy', 'delete');
    expect(refused.status).toBe(4);
    expect(refused.err).toContain('3 of the 40 versions');
    expect(refused.summary).toMatchObject({ result: 'refused', gone: 3, taken_out: 0 });
    expect(linesOf(refused)).toHaveLength(3);
    expect(everything()).toEqual(before);
    expect((await prune('--policy', 'delete', '--dry-run')).status).toBe(4);
    expect((await prune('--policy', 'delete', '--max-share', '7.5%')).status).toBe(0);
    expect(Object.keys(everything())).toHaveLength(37);
  });

  it.each<[string, () => void]>([
    ['empty', () => rmSync(path.join(index, 'cr'), { recursive: true })],
    ['missing', () => rmSync(index, { recursive: true })],
    ['of other crates', () => writeOtherIndex()],
    ['cut off', () => writeIndex([0, 1])],
  ])('an index that is %s wipes nothing', async (_, spoil) => {
    makeMirror(40, () => true);
    const before = everything();
    spoil();
    expect((await prune('--policy', 'delete')).status).not.toBe(0);
    expect(everything()).toEqual(before);
  });

  it('files of a crate with a malformed line stay, with status 3', async () => {
    makeMirror(40, notThird);
    appendFileSync(path.join(index, 'cr/at/crate-a'), '{"name":"crate-a","vers":\n');
    const result = await prune('--policy', 'delete');
    expect(result.status).toBe(3);
    expect(result.summary).toMatchObject({ gone: 0, unclear: 1, malformed: 1 });
    expect(existsSync(inMirror(3))).toBe(true);
  });

  it('only regular files at a path of the layout are candidates', async () => {
    makeMirror(40, () => true);
    const outside = path.join(dir, 'outside');
    mkdirSync(path.join(outside, 'ra'), { recursive: true });
    writeFileSync(path.join(outside, 'ra', 'xrab-1.0.0.crate'), 'precious');
    symlinkSync(outside, path.join(out, 'x'));
    symlinkSync(path.join(outside, 'ra', 'xrab-1.0.0.crate'), path.join(out, 'c/ra/crab-1.0.0.crate'));
    for (const name of [
      'c/ra/crab-1.0.0.crate.json',
      'c/ra/crab-1.0.0.crate.part',
      'crab-1.0.0.crate',
      'c/ra/a\nb',
      'index',
    ])
      writeFileSync(path.join(out, name), 'x');
    const before = everything();
    const result = await prune('--policy', 'delete', '--max-share', '100%');
    expect(result.summary).toMatchObject({ files: 40, gone: 0 });
    expect(everything()).toEqual(before);
    expect(readFileSync(path.join(outside, 'ra', 'xrab-1.0.0.crate'), 'utf8')).toBe('precious');
  });

  it('a symbolic link in the quarantine does not lead files out of the mirror', async () => {
    makeMirror(40, notThird);
    mkdirSync(path.join(dir, 'outside'));
    mkdirSync(path.join(out, '.mirror/quarantine'), { recursive: true });
    symlinkSync(path.join(dir, 'outside'), path.join(out, '.mirror/quarantine/c'));
    const result = await prune('--policy', 'quarantine');
    expect(result.status).toBe(6);
    expect(readdirSync(path.join(dir, 'outside'))).toEqual([]);
    expect(existsSync(inMirror(3))).toBe(true);
  });

  it('a run that fails between tombstone and deed is finished by the next one, with one tombstone', async () => {
    makeMirror(40, notThird);
    mkdirSync(path.join(out, '.mirror'), { recursive: true });
    writeFileSync(path.join(out, '.mirror/quarantine'), 'in the way');
    expect((await prune('--policy', 'quarantine')).status).toBe(6);
    expect(tombstones()).toHaveLength(1);
    expect(existsSync(inMirror(3))).toBe(true);
    rmSync(path.join(out, '.mirror/quarantine'));
    expect((await prune('--policy', 'quarantine')).status).toBe(0);
    expect(tombstones()).toHaveLength(1);
    expect(readFileSync(inQuarantine(3), 'utf8')).toBe('bytes of 3');
  });

  it('a mirror that another run works on is left to it', async () => {
    makeMirror(40, notThird);
    const lock = acquireLock(path.join(out, '.mirror/lock'), 'a test');
    expect((await prune('--policy', 'delete')).status).toBe(7);
    expect((await prune()).status).toBe(0);
    lock.release();
    expect(existsSync(inMirror(3))).toBe(true);
  });

  it('without an index it is wrong usage, without a mirror an error', async () => {
    makeMirror(1, () => true);
    expect((await run(['prune', '--out', out])).status).toBe(2);
    expect((await prune('--out', path.join(dir, 'nowhere'))).status).toBe(6);
    expect(existsSync(path.join(dir, 'nowhere'))).toBe(false);
  });
});

describe('a run that is killed at any moment', () => {
  it.each([['quarantine'], ['delete']])(
    'with --policy %s loses no file without a tombstone, and the next runs end as one that was left alone',
    async (policy) => {
      const count = 600;
      makeMirror(count, (patch) => patch === 0);
      const args = ['prune', '--index-dir', index, '--out', out, '--policy', policy, '--max-share', '100%'];
      let killed = 0;
      for (const lines of [1, 100, 200, 333, 450]) {
        const result = await runBin(bin, args, {
          onSpawn: (kill) => {
            onceRecorded(lines, () => kill('SIGKILL'));
          },
        });
        if (result.signal === 'SIGKILL') killed += 1;
        expectNothingLost(count);
      }
      expect(killed).toBeGreaterThan(1);
      expect((await runBin(bin, args)).status).toBe(0);
      expectNothingLost(count);
      const left = Object.keys(everything()).sort();
      const expected = Array.from({ length: count - 1 }, (_, i) => `.mirror/quarantine/${pathOf(i + 1)}`);
      expect(left).toEqual([pathOf(0), ...(policy === 'quarantine' ? expected : [])].sort());
      expect(tombstones()).toHaveLength(count - 1);
    },
  );
});

/** Every version is in its place or in quarantine with its bytes, or its tombstone says that it was deleted; none has two. */
function expectNothingLost(count: number): void {
  const text = existsSync(path.join(out, '.mirror/tombstones.jsonl'))
    ? readFileSync(path.join(out, '.mirror/tombstones.jsonl'), 'utf8')
    : '';
  const whole = text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '');
  const recorded = new Map(
    whole.map((line) => JSON.parse(line) as { path: string; policy: string }).map((each) => [each.path, each]),
  );
  expect(recorded.size).toBe(whole.length);
  for (let patch = 0; patch < count; patch += 1) {
    const place = [inMirror(patch), inQuarantine(patch)].find((file) => existsSync(file));
    if (place !== undefined) expect(readFileSync(place, 'utf8')).toBe(`bytes of ${String(patch)}`);
    if (place !== inMirror(patch)) expect(recorded.has(pathOf(patch))).toBe(true);
    if (place === undefined) expect(recorded.get(pathOf(patch))?.policy).toBe('delete');
  }
}

/** Call `action` as soon as so many more tombstones are there than now. */
function onceRecorded(lines: number, action: () => void): void {
  const file = path.join(out, '.mirror/tombstones.jsonl');
  const timer = setInterval(() => {
    if (!existsSync(file) || statSync(file).size < lines * 300) return;
    clearInterval(timer);
    action();
  }, 1);
  timer.unref();
}

function writeOtherIndex(): void {
  rmSync(path.join(index, 'cr'), { recursive: true });
  mkdirSync(path.join(index, 'se/rd'), { recursive: true });
  const line = { name: 'serde', vers: '1.0.0', deps: [], cksum: 'a'.repeat(64), features: {}, yanked: false };
  writeFileSync(path.join(index, 'se/rd/serde'), `${JSON.stringify(line)}\n`);
}
