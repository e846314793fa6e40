import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The index that is synced, and how. */
export interface Subject {
  readonly dir: string;
  readonly isBare: boolean;
  /** Flags of every run. */
  readonly flags: readonly string[];
}

/** How a run ended. */
export interface Run {
  readonly status: number;
  /** The last line on stdout. */
  readonly summary: Readonly<Record<string, unknown>>;
  readonly stderr: string;
  readonly seconds: number;
}

const BIN = path.join(path.dirname(fileURLToPath(import.meta.resolve('@mirror/index-sync'))), 'bin.js');

/** Run the built command once, to its end. */
export async function run(subject: Subject, url: string, ...more: readonly string[]): Promise<Run> {
  const started = performance.now();
  return new Promise((resolve) => {
    const args = [BIN, ...flagsFor(subject, url), ...more];
    const child = execFile(process.execPath, args, { maxBuffer: 2 ** 28 }, (_, stdout, stderr) => {
      const last = stdout.trimEnd().split('\n').at(-1) ?? '';
      resolve({
        status: child.exitCode ?? -1,
        summary: last.startsWith('{') ? (JSON.parse(last) as Record<string, unknown>) : {},
        stderr,
        seconds: (performance.now() - started) / 1000,
      });
    });
  });
}

/** Run the built command, and require that it ends well, but for names that this state of the index lacks. @throws {Error} its log */
export async function runWell(subject: Subject, url: string, ...more: readonly string[]): Promise<Run> {
  const ended = await run(subject, url, ...more);
  const isForNames = ended.status === 3 && /^\S+ error not in the index: /m.test(ended.stderr);
  if (ended.status !== 0 && !isForNames)
    throw new Error(`ended with ${String(ended.status)}: ${ended.stderr.slice(-1000)}`);
  return ended;
}

/** Start the built command and let it run. */
export function start(subject: Subject, url: string): ChildProcess {
  return spawn(process.execPath, [BIN, ...flagsFor(subject, url)], { stdio: 'ignore' });
}

function flagsFor({ dir, isBare, flags }: Subject, url: string): string[] {
  const bare = isBare ? ['--no-work-tree'] : [];
  // a generated history changes checksums and removes crates as no registry would, and the oracle knows one place of crates
  const asGenerated = [
    '--accept-replaced',
    '--change-origin',
    '--allow-rollback',
    '--max-removed=off',
    '--crates-base-url=https://static.crates.io/crates',
  ];
  return [
    '--index-dir',
    dir,
    '--index-url',
    url,
    ...bare,
    '--no-download',
    '--no-progress',
    '--max-age=0',
    ...asGenerated,
    ...flags,
  ];
}
