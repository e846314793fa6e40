import { expect, it } from '@jest/globals';
import { itWith, runBin, scratchDir } from '@mirror-tools/test-support';
import type { BinResult } from '@mirror-tools/test-support';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as library from '../dist/index.js';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

/** A directory with a tree in it, and the command run there with a home of its own. */
function workplace(): {
  dir: string;
  run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<BinResult>;
} {
  const dir = scratchDir();
  mkdirSync(path.join(dir, 'tree', 'a'), { recursive: true });
  for (const name of ['a/1', 'a/2', 'b']) writeFileSync(path.join(dir, 'tree', name), name);
  const home = { HOME: path.join(dir, 'home'), XDG_CONFIG_HOME: path.join(dir, 'home') };
  return {
    dir,
    run: (args, env = {}) => runBin(bin, [...args, '--hash-workers', '1'], { cwd: dir, env: { ...home, ...env } }),
  };
}

function summaryOf({ stdout }: BinResult): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>;
}

it('hashes, signs and packs by default, and verifies what it made', async () => {
  const { dir, run } = workplace();
  const made = await run(['-dir', 'tree']);
  expect(made).toMatchObject({ status: 0 });
  expect(summaryOf(made)).toMatchObject({ files: 3, directories: 1, bytes: 7, failed: 0, exit_reason: 'done' });
  expect(made.stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(readdirSync(dir).sort()).toEqual([
    'home',
    'tree',
    'tree.pub.asc',
    'tree.sha256',
    'tree.toml',
    'tree.toml.asc',
    'tree.zip',
    'tree.zip.asc',
  ]);

  const checked = await run(['verify', '--report', 'tree.toml', '--trusted-key', 'tree.pub.asc']);
  expect(checked).toMatchObject({ status: 0 });
  expect(summaryOf(checked)).toMatchObject({ verified: 3, changed: 0, signer: 'trusted', exit_reason: 'verified' });
  const unknown = await run(['verify', '--report', 'tree.toml']);
  expect(unknown).toMatchObject({ status: 8, stderr: expect.stringContaining('unverified signer') });
  expect(summaryOf(unknown)).toMatchObject({ verified: 3, signer: 'unverified', exit_reason: 'unverified signer' });

  writeFileSync(path.join(dir, 'tree', 'b'), 'B');
  const differs = await run(['verify', '--report', 'tree.toml']);
  expect(differs.status).toBe(4);
  expect(
    differs.stdout
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([
    expect.objectContaining({ change: 'changed', path: 'b', what: 'kangaroo12' }),
    expect.objectContaining({ verified: 2, changed: 1, exit_reason: 'differs' }),
  ]);
});

it('a new key is told, kept for the user alone, and used again', async () => {
  const { dir, run } = workplace();
  const args = ['--dir', 'tree', '--archive', 'none', '--date', '2026-01-31'];
  const first = await run(args);
  const kept = path.join(dir, 'home', 'mirror', 'archive-hasher.key.asc');
  expect(first.stderr).toContain(kept);
  if (process.platform !== 'win32') expect(statSync(kept).mode & 0o777).toBe(0o600);
  const report = readFileSync(path.join(dir, 'tree.toml'), 'utf8');
  const again = await run(args);
  expect([again.status, again.stderr]).toEqual([2, expect.stringContaining('tree.toml is there already')]);
  const second = await run([...args, '--replace']);
  expect(second.stderr).toContain('the key of an earlier run');
  expect(readFileSync(path.join(dir, 'tree.toml'), 'utf8')).toBe(report);
});

itWith(
  ['gpg', 'gpgconf'],
  'a key with a passphrase takes it from a file or the environment, and never tells it',
  async () => {
    const { dir, run } = workplace();
    const home = path.join(dir, 'g');
    mkdirSync(home, { mode: 0o700 });
    const gpg = (...args: string[]): Buffer =>
      execFileSync(
        'gpg',
        ['--homedir', home, '--batch', '--pinentry-mode', 'loopback', '--passphrase', 'open sesame', ...args],
        { stdio: 'pipe' },
      );
    gpg('--quick-gen-key', 'Me', 'ed25519', 'sign', '0');
    writeFileSync(path.join(dir, 'key'), gpg('--export-secret-keys'));
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent']);
    writeFileSync(path.join(dir, 'pass'), 'open sesame\n');
    const args = ['--dir', 'tree', '--gpgkey', 'key', '--archive', 'none', '--log-level', 'debug'];

    args.push('--replace');
    const outcomes = [
      await run([...args, '--passphrase-file', 'pass']),
      await run(args, { MIRROR_GPG_PASSPHRASE: 'open sesame' }),
    ];
    expect(outcomes.map(({ status }) => status)).toEqual([0, 0]);
    const refused = [await run(args), await run(args, { MIRROR_GPG_PASSPHRASE: 'open, sesame!' })];
    expect(refused.map(({ status }) => status)).toEqual([2, 2]);
    for (const { stdout, stderr } of [...outcomes, ...refused]) expect(stdout + stderr).not.toMatch(/sesame/);
  },
);

itWith(['mkfifo'], 'what cannot be hashed makes the exit status 3, or 0, or 6, as the policy says', async () => {
  const { dir, run } = workplace();
  execFileSync('mkfifo', [path.join(dir, 'tree', 'fifo')]);
  const args = ['--dir', 'tree', '--no-sign', '--archive', 'none', '--replace'];
  const reported = await run(args);
  expect(reported.status).toBe(3);
  expect(reported.stderr).toMatch(/cannot be hashed.*path=fifo/);
  expect(summaryOf(reported)).toMatchObject({ failed: 1, exit_reason: 'partial' });
  const skipped = await run([...args, '--on-special', 'skip']);
  expect(skipped.status).toBe(0);
  expect(summaryOf(skipped)).toMatchObject({ failed: 0, skipped: 1 });
  expect((await run([...args, '--on-special', 'fail'])).status).toBe(6);
});

it('wrong usage is told before any work', async () => {
  const { dir, run } = workplace();
  const wrong = [
    [],
    ['--dir', 'tree', '--algorithms', 'md5'],
    ['--dir', 'tree', '--date', 'today'],
    ['--dir', 'tree', '--out-prefix', '../x'],
    ['verify'],
    ['--dir', 'tree/b'],
  ];
  for (const args of wrong) expect([args, (await run(args)).status]).toEqual([args, 2]);
  expect((await run(['--dir', 'nowhere', '--out-dir', 'out'])).status).toBe(6);
  expect(readdirSync(dir)).toEqual(['tree']); // no key either
});

it('a day that no calendar has is refused, and a key that is not there is named', async () => {
  const { run } = workplace();
  expect(await run(['--dir', 'tree', '--date', '2026-02-30'])).toMatchObject({ status: 2 });
  expect(await run(['--dir', 'tree'])).toMatchObject({ status: 0 });
  const verify = ['verify', '--report', 'tree.toml', '--pubkey'];
  const absent = await run([...verify, 'nobody.asc']);
  expect(absent).toMatchObject({ status: 6, stderr: expect.stringContaining('cannot read the public key nobody.asc') });
  const folder = await run([...verify, 'tree']);
  expect(folder).toMatchObject({ status: 6, stderr: expect.stringContaining('cannot read the public key tree') });
});

it('--progress-every tells of so many files, hashed and verified', async () => {
  const { dir, run } = workplace();
  for (let i = 0; i < 1000; i++) writeFileSync(path.join(dir, 'tree', `f${String(i)}`), '');
  const flags = ['--progress-every', '100', '--progress-interval', '0'];
  const linesOf = ({ stderr }: BinResult, job: string): number =>
    stderr.split('\n').filter((line) => line.includes('progress') && line.includes(`job=${job}`)).length;
  const made = await run(['--dir', 'tree', '--archive', 'none', '--no-sign', ...flags]);
  expect(linesOf(made, 'hashing')).toBeGreaterThan(2);
  const checked = await run(['verify', '--report', 'tree.toml', '--allow-unsigned', ...flags]);
  expect(linesOf(checked, 'verifying')).toBeGreaterThan(2);
  expect(checked.stderr).toContain('not signed');
});

it('a report is found to be of a directory around it, however deep it lies there', async () => {
  const { run } = workplace();
  expect(await run(['--dir', 'tree', '--out-dir', 'tree/a/out', '--no-sign'])).toMatchObject({ status: 0 });
  const checked = await run(['verify', '--report', 'tree/a/out/tree.toml', '--allow-unsigned']);
  expect(checked).toMatchObject({ status: 0 });
});

it('an unsigned report is verified only when the user accepts it', async () => {
  const { run } = workplace();
  expect((await run(['--dir', 'tree', '--no-sign', '--archive', 'none', '--algorithms', 'sha256,blake3'])).status).toBe(
    0,
  );
  expect((await run(['verify', '--report', 'tree.toml'])).status).toBe(4);
  expect((await run(['verify', '--report', 'tree.toml', '--allow-unsigned', '--quick'])).status).toBe(0);
  const directory = await run(['verify', '--report', 'tree', '--allow-unsigned']);
  expect([directory.status, directory.stderr]).toEqual([
    6,
    expect.stringContaining('there is no file tree, which should be the report'),
  ]);
});

itWith(['sh'], 'a file that the archive has no room for is no fault of the file: there is no archive then', () => {
  const { dir } = workplace();
  writeFileSync(path.join(dir, 'tree', 'big'), Buffer.alloc(4 << 20));
  for (const kind of ['zip', 'tar']) {
    const args = [process.execPath, bin, '--dir', 'tree', '--out-dir', 'out', '--no-sign', '--archive', kind];
    // no file may become larger than one or two MiB: shells differ in their unit
    const { status, stderr } = spawnSync('sh', ['-c', 'ulimit -f 2048; exec "$@"', 'sh', ...args], { cwd: dir });
    expect(stderr.toString()).toMatch(`cannot write ${path.join(dir, 'out', `tree.${kind}`)}: EFBIG`);
    expect(stderr.toString()).toContain('the report is published without an archive');
    expect(status).toBe(6);
    expect(readdirSync(path.join(dir, 'out'))).toEqual(['tree.sha256', 'tree.toml']);
    rmSync(path.join(dir, 'out'), { recursive: true });
  }
});

it('outputs where no directory can be made are an error, not a wait for ever', async () => {
  if (process.platform !== 'linux') return; // needs /proc
  const { status, stderr } = await workplace().run(['--dir', 'tree', '--no-sign', '--out-dir', '/proc/mirror/out']);
  expect(status).toBe(6);
  expect(stderr).toContain('/proc/mirror');
});

it('an interrupt ends the run with 130 and leaves nothing', async () => {
  const { dir } = workplace();
  writeFileSync(path.join(dir, 'tree', 'big'), Buffer.alloc(512 << 20));
  let spawned: ((signal: NodeJS.Signals) => void) | undefined;
  const args = ['--dir', 'tree', '--no-sign', '--progress-interval', '50ms'];
  const running = runBin(bin, args, { cwd: dir, onSpawn: (kill) => (spawned = kill) });
  setTimeout(() => spawned?.('SIGINT'), 1500);
  const { status } = await running;
  expect(status).toBe(130);
  expect(readdirSync(dir)).toEqual(['tree']);
});

it('the public names are these', () => {
  expect(Object.keys(library).sort()).toEqual([
    'ALGORITHMS',
    'ALGORITHM_NAMES',
    'REPORT_SCHEMA_VERSION',
    'algorithmsNamed',
    'createHasher',
    'createSigningKey',
    'hashArchive',
    'inventory',
    'loadSigningKey',
    'readReport',
    'readTrustedKeys',
    'signReport',
    'verifyArchive',
    'verifyPacked',
    'verifySignedFile',
  ]);
});
