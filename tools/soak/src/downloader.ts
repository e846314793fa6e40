import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** How a run ended. */
export interface RunEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

const require = createRequire(import.meta.url);
const bin = path.join(path.dirname(require.resolve('@mirror/downloader/package.json')), 'dist', 'bin.js');

/** Run the built downloader; `onRecords` hears every moment how many records the manifest has. */
export async function runDownloader(
  args: readonly string[],
  manifest: string,
  onRecords: (count: number, kill: () => void) => void,
): Promise<RunEnd> {
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-10_000)));
  const count = createRecordCounter(manifest);
  const watch = setInterval(() => {
    onRecords(count(), () => child.kill('SIGKILL'));
  }, 20);
  const [status, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  clearInterval(watch);
  return { status, signal, stderr };
}

/** The lines of the manifest. */
export function countRecords(manifest: string): number {
  return createRecordCounter(manifest)();
}

/** Counts lines as the file grows, without reading it again from the beginning. */
function createRecordCounter(file: string): () => number {
  const buffer = Buffer.allocUnsafe(1 << 20);
  let position = 0;
  let lines = 0;
  return () => {
    if (!existsSync(file)) return 0;
    const fd = openSync(file, 'r');
    for (
      let read = readSync(fd, buffer, 0, buffer.length, position);
      read > 0;
      read = readSync(fd, buffer, 0, buffer.length, position)
    ) {
      position += read;
      for (let at = buffer.indexOf(0x0a); at >= 0 && at < read; at = buffer.indexOf(0x0a, at + 1)) lines += 1;
    }
    closeSync(fd);
    return lines;
  };
}
