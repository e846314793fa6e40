import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a command ended. */
export interface ToolRun {
  readonly status: number;
  /** What it printed, one object a line; the last is the summary. */
  readonly lines: readonly Readonly<Record<string, unknown>>[];
  readonly stderr: string;
  readonly seconds: number;
}

/** The built command of a package. */
export function toolFile(name: 'downloader' | 'index-sync' | 'server'): string {
  return path.join(path.dirname(fileURLToPath(import.meta.resolve(`@mirror/${name}`))), 'bin.js');
}

/** Run a built command to its end, without progress. */
export async function runTool(
  name: 'downloader' | 'index-sync' | 'server',
  ...args: readonly string[]
): Promise<ToolRun> {
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [toolFile(name), ...args, '--no-progress'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (status) => {
      const texts = stdout.split('\n').filter((line) => line.startsWith('{'));
      const lines = texts.map((line) => JSON.parse(line) as Record<string, unknown>);
      resolve({ status: status ?? -1, lines, stderr, seconds: (performance.now() - begin) / 1000 });
    });
  });
}
