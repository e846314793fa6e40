import { createHash, randomFillSync } from 'node:crypto';
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBundle } from '@mirror/core';
import type { BundleEntry } from '@mirror/core';
import type { BenchOptions } from './bench-options.ts';
import { compare } from './compare.ts';
import { runCommands } from './run-command.ts';
import type { CommandLine } from './run-command.ts';
import { createScratch } from './workspace.ts';

/** What is packed. */
export interface BenchBundleOptions extends BenchOptions {
  readonly files: number;
  /** zstd level, of both. */
  readonly level: number;
}

/**
 * Compare the packing of the same files by the bundle writer and by `tar | zstd -T0`, then read files at random from the bundle. Ours compares every file
 * with its SHA-256, and writes checksums, a seek table and an index besides.
 */
export async function benchBundle(options: BenchBundleOptions): Promise<void> {
  const { say, level } = options;
  const scratch = createScratch(options.out);
  try {
    const files = path.join(scratch.directory, 'files');
    const list = path.join(scratch.directory, 'list.jsonl');
    const bytes = makeFiles(files, list, options.files);
    say(`${options.files} files of random bytes, ${bytes} bytes\n`);
    const loop = fileURLToPath(new URL('./pack-files-loop.js', import.meta.url));
    const packing = (out: string): CommandLine => [process.execPath, loop, list, files, out, String(level)];
    const taring = (out: string): CommandLine => ['sh', '-c', TAR, files, out, String(level)];
    await compare({
      ...options,
      contenders: [
        { name: 'tar-zstd', commands: (out) => [taring(out)] },
        { name: 'bundle', commands: (out) => [packing(out)] },
      ],
      workload: { files: options.files, bytes },
      reference: 'tar-zstd',
      scratch,
    });
    const bundles = path.join(scratch.directory, 'bundles');
    const run = { reportFile: path.join(scratch.directory, 'cost'), limitMs: options.limitMs };
    await runCommands([packing(bundles)], run);
    const size = archiveBytes(bundles);
    say(`bundle: ${size} bytes, ${(size / bytes).toFixed(4)} of the files\n`);
    for (const inFlight of [1, 4]) await readAtRandom(path.join(bundles, 'bundle-0000.tar.zst'), inFlight, say);
    if (!scratch.isMemory) return;
    const peer = path.join(scratch.directory, 'peer');
    await runCommands([taring(peer)], run);
    say(`tar-zstd: ${archiveBytes(peer)} bytes; bundle / tar-zstd: ${(size / archiveBytes(peer)).toFixed(4)}\n`);
  } finally {
    scratch.remove();
  }
}

const TAR = 'mkdir "$1" && tar -C "$0" -cf - . | zstd -q -T0 -"$2" -o "$1/peer.tar.zst"';

/**
 * Files of random bytes, as crate files are compressed already, in the layout of a mirror; sizes as on crates.io: half are below 15 KiB, the mean
 * is about 95 KiB, none has more than 10 MiB. A list of them goes to `list`, a JSON line each. Returns their bytes.
 */
function makeFiles(dir: string, list: string, count: number): number {
  const pool = Buffer.alloc(MOST_BYTES);
  const random = randomNumbers(1);
  const lines: string[] = [];
  let total = 0;
  for (let number = 0; number < count; number += 1) {
    const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
    const size = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, Math.floor(MEDIAN_BYTES * Math.exp(SIGMA * normal))));
    const body = randomFillSync(pool, 0, size).subarray(0, size);
    const [name, vers] = [`crate-${number}`, `1.0.${number % 30}`];
    const file = `c/ra/${number % 211}/${name}-${vers}.crate`;
    mkdirSync(path.dirname(path.join(dir, file)), { recursive: true });
    writeFileSync(path.join(dir, file), body);
    lines.push(
      JSON.stringify({ path: file, name, vers, size, sha256: createHash('sha256').update(body).digest('hex') }),
    );
    total += size;
  }
  writeFileSync(list, `${lines.join('\n')}\n`);
  return total;
}

const LEAST_BYTES = 400;
const MEDIAN_BYTES = 15 * 1024;
const SIGMA = 1.95;
const MOST_BYTES = 10 * 2 ** 20;

/** The minimal standard generator: the same numbers on every machine. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

/** Read files of a bundle in no order, so many at a time, each compared with its digest. */
async function readAtRandom(file: string, inFlight: number, say: (text: string) => void): Promise<void> {
  const bundle = await openBundle(file);
  const entries: BundleEntry[] = [];
  for await (const entry of bundle.entries()) entries.push(entry);
  const random = randomNumbers(7);
  await bundle.find(''); // the index is read by the first
  let left = READS;
  let bytes = 0;
  const readOn = async (): Promise<void> => {
    while (left-- > 0) bytes += (await bundle.read(entries[Math.floor(random() * entries.length)]!.path)).length;
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, readOn));
  const seconds = (performance.now() - start) / 1000;
  say(
    `random reads, ${inFlight} at a time, from ${bundle.tarBytes} bytes: ${Math.round(READS / seconds)} a second, ` +
      `${Math.round(bytes / seconds / 1e6)} MB/s, ${bundle.framesDecompressed} frames decompressed for ${READS} reads\n`,
  );
  await bundle.close();
}

const READS = 4000;

function archiveBytes(dir: string): number {
  return readdirSync(dir)
    .filter((name) => name.endsWith('.tar.zst'))
    .reduce((bytes, name) => bytes + statSync(path.join(dir, name)).size, 0);
}
