import { expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { FakeRegistry } from '@mirror-tools/fake-registry';
import { scratchDir } from '@mirror-tools/test-support';
import { main } from '../dist/cli.js';

/** The version of a registry that a test looks at. */
export type Version = FakeRegistry['versions'][number];

/** What a command printed and how it ended. */
export interface Run {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** The last line of stdout, parsed. */
  readonly summary: Readonly<Record<string, unknown>>;
}

/** Run `mirror-downloader` in this process. */
export async function run(
  args: readonly string[],
  options: { stdin?: string; env?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Run> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const [out, err] = [text(stdout), text(stderr)];
  const { env = {}, signal = new AbortController().signal } = options;
  const status = await main(args, {
    stdout,
    stderr,
    stdin: Readable.from([Buffer.from(options.stdin ?? '')]),
    env,
    signal,
  });
  stdout.end();
  stderr.end();
  const lastLine = (await out).trimEnd().split('\n').at(-1) ?? '';
  return {
    status,
    out: await out,
    err: await err,
    summary: lastLine.startsWith('{') ? (JSON.parse(lastLine) as Run['summary']) : {},
  };
}

/** An index, a mirror and a manifest in scratch folders, and the arguments that name them, with and without the source of the files. */
export function workplace(registry: FakeRegistry): {
  dir: string;
  index: string;
  out: string;
  manifest: string;
  args: string[];
  noSource: string[];
} {
  const dir = scratchDir();
  const [index, out, manifest] = ['index', 'out', 'manifest.jsonl'].map((name) => path.join(dir, name)) as [
    string,
    string,
    string,
  ];
  writeIndex(registry, index);
  const urls = ['--crates-base-url', `${registry.url}/crates`];
  const quick = ['--retry-base', '5ms', '--retry-max', '200ms', '--progress-interval', '0'];
  const noSource = ['--index-dir', index, '--out', out, '--manifest', manifest, ...quick];
  return { dir, index, out, manifest, args: [...noSource, ...urls], noSource };
}

/** Every file below `dir` with its bytes' digest, our own folder left out. */
export function treeOf(dir: string): Record<string, string> {
  if (!existsSync(dir)) return {};
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => !entry.isDirectory());
  const names = files.map((entry) =>
    path.relative(dir, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'),
  );
  return Object.fromEntries(
    names
      .filter((name) => !name.startsWith('.mirror/'))
      .sort()
      .map((name) => [
        name,
        createHash('sha256')
          .update(readFileSync(path.join(dir, name)))
          .digest('hex'),
      ]),
  );
}

/** What the mirror of these versions must hold, by the plain rules of the shard layout. */
export function expectedTree(versions: readonly Version[]): Record<string, string> {
  return Object.fromEntries(versions.map((version): [string, string] => [shardPath(version), version.cksum]).sort());
}

/** The records of a manifest. */
export function records(manifest: string): Record<string, unknown>[] {
  const lines = readFileSync(manifest, 'utf8').split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The last record of each version. */
export function finalRecords(manifest: string): Map<string, Record<string, unknown>> {
  return new Map(records(manifest).map((record) => [`${String(record['name'])} ${String(record['vers'])}`, record]));
}

/** Those that a run with `--no-include-yanked` takes. */
export function notYanked(registry: FakeRegistry): Version[] {
  return registry.versions.filter((version) => !version.yanked);
}

/** Some versions that a plain run takes, to do something to. */
export function someVersions(registry: FakeRegistry): [Version, Version] {
  const [first, second] = notYanked(registry);
  if (first === undefined || second === undefined) throw new Error('the registry is too small');
  return [first, second];
}

/** The shard layout again, written independently of the product. */
function shardPath({ name, vers }: { name: string; vers: string }): string {
  const file = `${name}-${vers}.crate`;
  if (name.length <= 3) return `${name}/${file}`;
  const first = name[1] === '-' && !'123'.includes(name.charAt(0)) ? name.slice(0, 2) : name.charAt(0);
  return `${first}/${name.slice(first.length, first.length + 2)}/${file}`;
}

function writeIndex(registry: FakeRegistry, dir: string): void {
  for (const indexPath of new Set(registry.versions.map((version) => version.indexPath))) {
    const file = path.join(dir, indexPath);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, registry.bytesOf(`/index/${indexPath}`) ?? '');
  }
}
