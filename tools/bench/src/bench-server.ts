import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { layoutPath } from '@mirror/core';
import type { BenchOptions } from './bench-options.ts';
import { builtBin } from './built-bin.ts';
import { freePorts } from './free-ports.ts';
import { launchNginx, nginxProgram } from './launch-nginx.ts';
import { launchServer } from './launch-server.ts';
import { makeRegistry, readVersions } from './registry.ts';
import type { RegistryFile } from './registry.ts';
import { has } from './run-command.ts';
import { median } from './sample.ts';
import { alignedTable } from './table.ts';
import { createScratch } from './workspace.ts';
import { runWrk } from './wrk.ts';
import type { LoadRequest } from './wrk.ts';

/** How a server is measured. */
export interface BenchServerOptions extends BenchOptions {
  readonly crates: number;
  readonly connections: number;
  /** How long each measurement of each server takes. */
  readonly seconds: number;
}

/**
 * Compare the server with nginx serving its export: requests a second and CPU for each, one server after the other, each
 * with one process. The server checks digests and counts; nginx only sends.
 *
 * @throws {Error} wrk or nginx is not installed, or an answer was an error
 */
export async function benchServer(options: BenchServerOptions): Promise<void> {
  if (!has('wrk') || nginxProgram() === undefined) throw new Error('expected wrk and nginx to be installed');
  const scratch = createScratch(options.out);
  const closing: (() => Promise<void>)[] = [];
  try {
    const mirror = makeMirror(scratch.directory, options.crates);
    const [port = 0, nginxPort = 0] = await freePorts(2);
    const ours = await startServer(mirror, port);
    closing.push(ours.close);
    const theirs = await startNginxOf(mirror, nginxPort, scratch.directory);
    closing.push(theirs.close);
    const bytes = mirror.versions.reduce((sum, { size }) => sum + size, 0);
    options.say(`${mirror.versions.length} crate files of ${bytes} bytes; one process each\n`);
    const jobs = jobsOf(mirror).filter(({ name }) => options.only.length === 0 || options.only.includes(name));
    const rows: string[][] = [];
    for (const job of jobs) rows.push(await measureJob(job, [ours, theirs], options, scratch.directory));
    options.say(`\n${alignedTable([HEAD, ...rows])}\n`);
  } finally {
    for (const close of closing.reverse()) await close();
    scratch.remove();
  }
}

const HEAD = ['what', 'ours, req/s', 'nginx, req/s', 'ratio', 'ours, CPU µs', 'nginx, CPU µs', 'CPU ratio'];

interface MirrorPlaces {
  readonly index: string;
  readonly root: string;
  readonly versions: readonly RegistryFile[];
}

function makeMirror(directory: string, crates: number): MirrorPlaces {
  const registry = makeRegistry(path.join(directory, 'registry'), { crates });
  const root = path.join(directory, 'root');
  const versions = readVersions(registry);
  for (const version of versions) {
    const file = path.join(root, layoutPath('shard', version.name, version.vers));
    mkdirSync(path.dirname(file), { recursive: true });
    copyFileSync(path.join(registry, 'crates', version.path), file);
  }
  return { index: path.join(registry, 'index'), root, versions };
}

interface Served {
  readonly name: 'ours' | 'nginx';
  readonly url: string;
  readonly crateTarget: (version: RegistryFile) => string;
  readonly seconds: () => number;
  readonly close: () => Promise<void>;
}

async function startServer(mirror: MirrorPlaces, port: number): Promise<Served> {
  return {
    ...(await launchServer(mirror, port)),
    name: 'ours',
    crateTarget: ({ name, vers }) => `/crates/${name}/${encodeURIComponent(vers)}/download`,
  };
}

async function startNginxOf({ index, root }: MirrorPlaces, port: number, directory: string): Promise<Served> {
  const tree = path.join(directory, 'tree');
  const url = `http://127.0.0.1:${port}`;
  const args = ['export', tree, '--index-dir', index, '--root', root, '--public-url', url, '--no-progress'];
  execFileSync(process.execPath, [builtBin('@mirror/server'), ...args], { stdio: 'pipe' });
  const place = path.join(directory, 'nginx');
  mkdirSync(place);
  const http = `server { listen 127.0.0.1:${port}; include "${tree}/nginx.conf"; }`;
  const { seconds, close } = await launchNginx(place, { workers: 1, http });
  const crateTarget = ({ name, vers }: RegistryFile): string =>
    `/crates/${layoutPath('cargo', name, vers).replaceAll('+', '%2B')}`;
  return { name: 'nginx', url, crateTarget, seconds, close };
}

interface Job {
  readonly name: string;
  readonly requests: (server: Served) => Promise<readonly LoadRequest[]> | readonly LoadRequest[];
}

function jobsOf({ versions }: MirrorPlaces): readonly Job[] {
  const index = [...new Set(versions.map(({ indexPath }) => `/index/${indexPath}`))];
  const plain = (target: string): LoadRequest => ({ target, headers: {} });
  const crates = (some: readonly RegistryFile[]) => (server: Served) =>
    some.map((version) => plain(server.crateTarget(version)));
  return [
    { name: 'index-304', requests: ({ url }) => Promise.all(index.map((target) => conditional(url, target))) },
    { name: 'index-200', requests: () => index.map(plain) },
    {
      name: 'index-gzip',
      requests: () => index.map((target) => ({ target, headers: { 'accept-encoding': 'gzip' } })),
    },
    { name: 'one-crate', requests: crates(versions.slice(0, 1)) },
    { name: 'all-crates', requests: crates(versions) },
    { name: 'small-crates', requests: crates(versions.filter(({ size }) => size <= 64 * 1024)) },
  ];
}

async function conditional(url: string, target: string): Promise<LoadRequest> {
  const response = await fetch(url + target, { headers: { 'accept-encoding': 'identity' } });
  await response.arrayBuffer();
  return { target, headers: { 'if-none-match': response.headers.get('etag') ?? '' } };
}

async function measureJob(
  { name, requests }: Job,
  servers: readonly Served[],
  { runs, connections, seconds, say }: BenchServerOptions,
  directory: string,
): Promise<string[]> {
  const samples = servers.map((server) => ({ server, rates: [] as number[], costs: [] as number[] }));
  const script = path.join(directory, 'wrk.lua');
  for (let run = 0; run < runs; run += 1) {
    for (const { server, rates, costs } of run % 2 === 0 ? samples : [...samples].reverse()) {
      const load = { requests: await requests(server), connections, seconds, script };
      const before = server.seconds();
      const done = await runWrk(server.url, load);
      const cost = ((server.seconds() - before) / done.requests) * 1e6;
      rates.push(done.perSecond);
      costs.push(cost);
      say(`${name} ${server.name}: ${done.perSecond.toFixed(0)} requests/s, ${cost.toFixed(1)} µs CPU each\n`);
    }
  }
  const [ours = { rate: 0, cost: 0 }, theirs = { rate: 1, cost: 1 }] = samples.map(({ rates, costs }) => ({
    rate: median(rates),
    cost: median(costs),
  }));
  const perSecond = [ours.rate, theirs.rate].map((rate) => Math.round(rate).toLocaleString('en-US'));
  const micros = [ours.cost, theirs.cost].map((cost) => cost.toFixed(0));
  return [name, ...perSecond, (ours.rate / theirs.rate).toFixed(2), ...micros, (ours.cost / theirs.cost).toFixed(1)];
}
