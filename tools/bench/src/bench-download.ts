import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BenchOptions } from './bench-options.ts';
import { builtBin } from './built-bin.ts';
import { compare } from './compare.ts';
import type { Contender } from './compare.ts';
import { startFakeOrigin } from './fake-origin.ts';
import { hasNginx, startNginx } from './nginx.ts';
import type { Origin } from './nginx.ts';
import { makeRegistry, readVersions } from './registry.ts';
import type { RegistryFile } from './registry.ts';
import { has } from './run-command.ts';
import type { CommandLine } from './run-command.ts';
import { createScratch } from './workspace.ts';

/** What is downloaded, and how far away it is. */
export interface BenchDownloadOptions extends BenchOptions {
  readonly files: number;
  readonly concurrency: number;
  /** How late each answer begins, in milliseconds. */
  readonly latencyMs: number;
  /** A registry that fake-registry made earlier; default one is made, and removed at the end. */
  readonly registry: string | undefined;
}

/** Compare downloads of the same files over HTTP and HTTPS; ours are hashed, compared and recorded. */
export async function benchDownload(options: BenchDownloadOptions): Promise<void> {
  const scratch = createScratch(options.out);
  let origin: Origin | undefined;
  try {
    const registry =
      options.registry ?? makeRegistry(path.join(scratch.directory, 'registry'), { versions: options.files });
    const server = { root: registry, directory: path.join(scratch.directory, 'server'), latencyMs: options.latencyMs };
    const isNginx = hasNginx(options.latencyMs);
    origin = isNginx ? await startNginx(server) : await startFakeOrigin(server);
    const files = readVersions(registry);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    options.say(`${files.length} files, ${bytes} bytes, served by ${isNginx ? 'nginx' : 'fake-registry'}\n`);
    const all = contenders({ origin, registry, files, concurrency: options.concurrency });
    await compare({
      ...options,
      contenders: all,
      workload: { files: files.length, bytes },
      reference: 'curl-http',
      scratch,
      serverSeconds: origin.seconds,
    });
  } finally {
    await origin?.close();
    scratch.remove();
  }
}

interface Field {
  readonly origin: Origin;
  readonly registry: string;
  readonly files: readonly RegistryFile[];
  readonly concurrency: number;
}

function contenders(field: Field): Contender[] {
  const { origin, registry } = field;
  const curl = (base: string, http: string) => (out: string) => [curlCommand(field, base, http, out)];
  const all: Contender[] = [
    { name: 'ours-http', commands: (out) => [ourCommand(field, origin.url, out)] },
    { name: 'ours-http-watched', commands: (out) => [watched(ourCommand(field, origin.url, out))] },
    { name: 'curl-http', commands: curl(origin.url, '--http1.1') },
    { name: 'curl-http+sha256', commands: (out) => [curlCommand(field, origin.url, '--http1.1', out), hashing(out)] },
    { name: 'aria2c-http', commands: (out) => [ariaCommand(field, origin.url, out)] },
    { name: 'ours-https', commands: (out) => [ourCommand(field, origin.tlsUrl, out)] },
    { name: 'curl-https-h2', commands: curl(origin.tlsH2Url, '--http2') },
    { name: 'curl-https-h1', commands: curl(origin.tlsUrl, '--http1.1') },
    { name: 'cp', commands: (out) => [['cp', '-r', path.join(registry, 'crates'), out]] },
  ];
  return all.filter(({ name }) =>
    name.startsWith('curl') || name.endsWith('-watched') ? has('curl') : !name.startsWith('aria2c') || has('aria2c'),
  );
}

function ourCommand({ origin, registry, concurrency }: Field, base: string, out: string): CommandLine {
  return [
    ...([process.execPath, builtBin('@mirror/downloader')] as const),
    ...['--index-dir', path.join(registry, 'index'), '--include-yanked', '--crates-base-url', `${base}/crates`],
    ...['--out', out, '--manifest', `${out}.jsonl`, '--concurrency', String(concurrency), '--ca-file', origin.caFile],
    ...['--progress=false', '--log-level', 'warn'],
  ];
}

/** The same with somebody who looks at its page all the time and somebody who asks for its metrics each second. */
function watched(command: CommandLine): CommandLine {
  const address = '127.0.0.1:19090';
  const script = `"$@" & run=$!
(until curl -s http://${address}/healthz; do sleep 0.1; done; curl -sN http://${address}/events & while sleep 1; do curl -s http://${address}/metrics; done) >/dev/null 2>&1 & watch=$!
wait $run; status=$?; kill $watch; exit $status`;
  return ['sh', '-c', script, 'sh', ...command, '--listen', address];
}

function curlCommand({ origin, files, concurrency }: Field, base: string, http: string, out: string): CommandLine {
  const list = listFile(
    out,
    files.map((file) => `url = "${urlOf(base, file)}"\noutput = "${out}/${file.path}"\n`),
  );
  // curl takes no more than 300
  const parallel = ['--parallel', '--parallel-max', String(Math.min(300, concurrency))];
  const flags = ['--silent', '--no-progress-meter', '--fail', '--create-dirs', '--cacert', origin.caFile];
  return ['curl', ...parallel, http, ...flags, '-K', list];
}

/** aria2c keeps to 16 at once, the most it does for one host with one connection for each file. */
function ariaCommand({ files }: Field, base: string, out: string): CommandLine {
  const list = listFile(
    out,
    files.map((file) => `${urlOf(base, file)}\n  out=${file.path}\n  checksum=sha-256=${file.cksum}\n`),
  );
  const flags = ['--quiet', '--file-allocation=none', '--allow-overwrite=true', '--console-log-level=error'];
  return ['aria2c', '-j16', '-x1', ...flags, '-d', out, '-i', list];
}

function hashing(out: string): CommandLine {
  const sha256 = has('openssl') ? 'openssl dgst -sha256 -r' : 'sha256sum';
  return ['sh', '-c', `find "$0" -type f -print0 | xargs -0 ${sha256} >"$0.sums"`, out];
}

function listFile(out: string, lines: readonly string[]): string {
  mkdirSync(path.dirname(out), { recursive: true });
  writeFileSync(`${out}.list`, lines.join(''));
  return `${out}.list`;
}

function urlOf(base: string, { path: file }: RegistryFile): string {
  return `${base}/crates/${file.replaceAll('+', '%2B')}`;
}
