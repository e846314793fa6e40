// How long the hasher takes beside other programs on the same files: node bench/hash.js DIR [ROUNDS]
// Needs GNU time, rhash, sha256sum, xargs. The programs take turns in each round; the table has medians.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const [dir, rounds = '3'] = process.argv.slice(2);
if (dir === undefined) throw new Error('say which directory is hashed');
const out = mkdtempSync(path.join(os.tmpdir(), 'hash-bench-'));
const ours = (...flags) => [
  process.execPath,
  bin,
  '--dir',
  dir,
  '--out-dir',
  out,
  '--archive',
  'none',
  '--no-sign',
  '--no-progress',
  ...flags,
];
const shell = (command) => ['sh', '-c', command];

const contenders = {
  'all eleven': ours(),
  'rhash, eight': shell(
    `rhash -r --printf '%{sha256}%{sha512}%{sha3-256}%{blake2b}%{whirlpool}%{ripemd160}%{sha1}%{md5}\\n' ${dir} >/dev/null`,
  ),
  'SHA-256 alone': ours('--algorithms', 'sha256'),
  'xargs -P2 sha256sum': shell(`find ${dir} -type f -print0 | xargs -0 -n 200 -P2 sha256sum >/dev/null`),
  'BLAKE3 alone': ours('--algorithms', 'blake3'),
};

const runs = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let round = 0; round < Number(rounds); round += 1) {
  for (const [name, [command, ...args]] of Object.entries(contenders)) {
    const { status, stderr } = spawnSync('time', ['-f', '%e %U %S %M', command, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    if (status !== 0) throw new Error(`${name} failed: ${stderr}`);
    const [wall, user, system, kib] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
    runs[name].push({ wall, cpu: user + system, mb: kib / 1000 });
  }
}
rmSync(out, { recursive: true });

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const of = (name, what) => median(runs[name].map((run) => run[what]));
const load = execFileSync('cat', ['/proc/loadavg'], { encoding: 'utf8' }).split(' ', 1)[0];
console.log(`| program | wall s (min-max) | CPU s | peak RSS MB |\n|---|---|---|---|`);
for (const [name, list] of Object.entries(runs)) {
  const walls = list.map(({ wall }) => wall);
  console.log(
    `| ${name} | ${of(name, 'wall')} (${Math.min(...walls)}-${Math.max(...walls)}) | ${of(name, 'cpu').toFixed(1)} | ${of(name, 'mb').toFixed(0)} |`,
  );
}
const ratio = (a, b, what) => (of(a, what) / of(b, what)).toFixed(2);
for (const [a, b] of [
  ['all eleven', 'rhash, eight'],
  ['SHA-256 alone', 'xargs -P2 sha256sum'],
]) {
  console.log(`${a} / ${b}: wall ${ratio(a, b, 'wall')}, CPU ${ratio(a, b, 'cpu')}`);
}
console.log(`load average at the end: ${load}`);
