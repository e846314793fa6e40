import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { builtBin } from './built-bin.ts';
import type { Origin } from './nginx.ts';
import { parseProcess } from './processor-time.ts';

/** The same files served by the fake registry, for machines without nginx. It is one process: it may be what limits. */
export async function startFakeOrigin(options: {
  readonly root: string;
  readonly directory: string;
  readonly latencyMs: number;
}): Promise<Origin> {
  const { root, directory, latencyMs } = options;
  mkdirSync(directory, { recursive: true });
  const caFile = path.join(directory, 'ca.pem');
  const args = ['--dir', root, '--cache-bytes', '4000000000', '--latency', String(latencyMs), '--ca-file', caFile];
  const child = spawn(process.execPath, [builtBin('@mirror-tools/fake-registry'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer | number | null];
  if (!Buffer.isBuffer(line)) throw new Error('the fake registry did not start');
  const { url, tls_url: tlsUrl } = JSON.parse(line.toString()) as { url: string; tls_url: string };
  child.stdout.resume();
  return {
    ...{ url, tlsUrl, tlsH2Url: tlsUrl, caFile },
    seconds: () => parseProcess(readFileSync(`/proc/${child.pid ?? 0}/stat`, 'utf8')).seconds,
    close: async () => {
      child.kill('SIGTERM');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
