// Bundles against `tar | zstd -T0` on the same files. Needs GNU tar and zstd.
//   node packages/core/bench/bundle.mjs [--files 20000] [--dir /dev/shm/mirror-bench] [--runs 3] [--level 3] [--frame-kib 1024]
// Prints one JSON line per measurement, and the ratios of the medians at the end.
import { spawnSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createBundleWriter, openBundle } from '../dist/index.js';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '20000' },
    dir: { type: 'string', default: '/dev/shm/mirror-bench' },
    runs: { type: 'string', default: '3' },
    level: { type: 'string', default: '3' },
    'frame-kib': { type: 'string', default: '1024' },
    only: { type: 'string', default: 'archive,read,sidecars' },
  },
});
const runs = Number(values.runs);
const level = Number(values.level);
const frameBytes = Number(values['frame-kib']) * 1024;
const crates = path.join(values.dir, 'crates');
const out = path.join(values.dir, 'out');

/** Files of random bytes (crate files are compressed already), sizes spread around 95 KB, in the layout of a mirror. */
function makeCrates(count) {
  const random = Buffer.alloc(2 ** 20);
  const entries = [];
  let seed = 1;
  for (let number = 0; number < count; number += 1) {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    const size = Math.min(2 ** 20, Math.floor(-Math.log(1 - (seed / 2 ** 31) * 0.9999) * 95_000));
    const name = `crate-${number}`;
    const file = `c/ra/${number % 211}/${name}-1.0.${number % 30}.crate`;
    randomFillSync(random, 0, size);
    const body = random.subarray(0, size);
    mkdirSync(path.dirname(path.join(crates, file)), { recursive: true });
    writeFileSync(path.join(crates, file), body);
    entries.push({
      path: file,
      name,
      vers: `1.0.${number % 30}`,
      size,
      sha256: createHash('sha256').update(body).digest('hex'),
    });
  }
  return entries;
}

function timed(label, run) {
  const started = performance.now();
  const cpu = process.cpuUsage();
  return Promise.resolve(run()).then((extra) => {
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const result = { label, seconds: round(seconds), cpu_seconds: round((user + system) / 1e6), ...extra };
    return result;
  });
}

const round = (value) => Math.round(value * 1000) / 1000;
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const print = (value) => console.log(JSON.stringify(value));

function tarZstd() {
  const target = path.join(values.dir, 'peer.tar.zst');
  rmSync(target, { force: true });
  const command = `TIMEFORMAT='%U %S'; time (tar -cf - . | zstd -q -T0 -${level} -o "${target}")`;
  const { status, stderr } = spawnSync('bash', ['-c', command], { cwd: crates, encoding: 'utf8' });
  if (status !== 0) throw new Error(`tar | zstd failed: ${stderr}`);
  const [user, system] = stderr.trim().split(' ').map(Number);
  const bytes = statSync(target).size;
  rmSync(target);
  return { bytes, cpu_seconds: round(user + system) };
}

async function bundle(entries, bodyOf, options = {}) {
  rmSync(out, { recursive: true, force: true });
  const writer = await createBundleWriter({ dir: out, level, frameBytes, ...options });
  let bodies = 0;
  for (const entry of entries) {
    bodies += entry.size;
    await writer.add({ ...entry, body: bodyOf(entry) });
  }
  await writer.close();
  const bytes = readdirSync(out)
    .filter((file) => file.endsWith('.zst'))
    .reduce((sum, file) => sum + statSync(path.join(out, file)).size, 0);
  return { bytes, bodies, rss_mib: Math.round(process.resourceUsage().maxRSS / 1024) };
}

const crateFile = (entry) => ({ file: path.join(crates, entry.path) });

async function benchArchive(entries) {
  const peer = [];
  const ours = [];
  for (let run = 0; run < runs; run += 1) {
    peer.push(await timed('tar | zstd -T0', tarZstd));
    print(peer.at(-1));
    ours.push(await timed('bundle', () => bundle(entries, crateFile)));
    print(ours.at(-1));
  }
  const seconds = { peer: median(peer.map((each) => each.seconds)), ours: median(ours.map((each) => each.seconds)) };
  const total = entries.reduce((sum, entry) => sum + entry.size, 0);
  const cpu = {
    peer: median(peer.map((each) => each.cpu_seconds)),
    ours: median(ours.map((each) => each.cpu_seconds)),
  };
  print({
    label: 'archive ratios',
    cpu: round(cpu.peer / cpu.ours),
    throughput: round(seconds.peer / seconds.ours),
    size: ours[0].bytes / peer[0].bytes,
    ours_mb_s: Math.round(total / 1e6 / seconds.ours),
    peer_mb_s: Math.round(total / 1e6 / seconds.peer),
  });
}

/** Random reads from a bundle of about 1 GiB, several at a time. */
async function benchRead(entries) {
  let total = 0;
  const some = entries.filter((entry) => (total += entry.size) < 2 ** 30);
  await bundle(some, crateFile);
  const file = path.join(out, 'bundle-0000.tar.zst');
  for (const [label, inFlight] of [
    ['random reads, 1 at a time', 1],
    ['random reads, 4 at a time', 4],
  ]) {
    const reader = await openBundle(file);
    await reader.find('x');
    const count = 4000;
    let seed = 7;
    const pick = () => some[(seed = (seed * 48271) % 2147483647) % some.length];
    const result = await timed(label, async () => {
      let left = count;
      const one = async () => {
        while (left-- > 0) await reader.read(pick().path);
      };
      await Promise.all(Array.from({ length: inFlight }, one));
      return { reads: count, frames: reader.framesDecompressed };
    });
    print({ ...result, per_second: Math.round(count / result.seconds) });
    await reader.close();
  }
  const reader = await openBundle(file);
  const verified = await timed('verify', async () => {
    let problems = 0;
    for await (const problem of reader.verify()) problems += problem ? 1 : 0;
    return { problems };
  });
  print({ ...verified, mb_s: Math.round(reader.tarBytes / 1e6 / verified.seconds) });
  await reader.close();
}

/** Metadata: many small files of JSON. */
async function benchSidecars(count) {
  const entries = [];
  for (let number = 0; number < count; number += 1) {
    const name = `crate-${number >> 3}`;
    const vers = `0.${number & 7}.${number % 13}`;
    const body = Buffer.from(sidecar(name, vers, number));
    entries.push({
      path: `c/ra/${name}-${vers}.crate.json`,
      name,
      vers,
      size: body.length,
      sha256: createHash('sha256').update(body).digest('hex'),
      body,
    });
  }
  const result = await timed('sidecars', () => bundle(entries, (entry) => entry.body));
  print({ ...result, per_second: Math.round(count / result.seconds) });
}

function sidecar(name, vers, number) {
  const deps = Array.from({ length: 14 }, (_, index) => ({
    name: `dep-${(number * 7919 + index * 31) % 5003}`,
    req: `^${index}.${number % 10}`,
    features: ['std', 'derive'],
    optional: index % 3 === 0,
    default_features: true,
    target: null,
    kind: 'normal',
  }));
  const cksum = createHash('sha256').update(String(number)).digest('hex');
  return `${JSON.stringify({ name, vers, deps, cksum, features: { default: ['std'] }, yanked: false }, null, 1)}\n`;
}

rmSync(values.dir, { recursive: true, force: true });
mkdirSync(crates, { recursive: true });
const only = values.only.split(',');
const entries = only.includes('archive') || only.includes('read') ? makeCrates(Number(values.files)) : [];
if (only.includes('archive')) await benchArchive(entries);
if (only.includes('read')) await benchRead(entries);
if (only.includes('sidecars')) await benchSidecars(200_000);
rmSync(values.dir, { recursive: true, force: true });
