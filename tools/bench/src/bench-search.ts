import { mkdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { indexPathOf } from '@mirror/core';
import type { BenchOptions } from './bench-options.ts';
import { freePorts } from './free-ports.ts';
import { launchServer } from './launch-server.ts';
import { makeIndex } from './make-index.ts';
import { has } from './run-command.ts';
import { alignedTable } from './table.ts';
import { createScratch } from './workspace.ts';
import { runWrk } from './wrk.ts';
import type { LoadRequest } from './wrk.ts';

/** How searching beside building is measured. */
export interface BenchSearchOptions extends BenchOptions {
  readonly crates: number;
  /** Clients that search at the same time. */
  readonly connections: number;
  readonly seconds: number;
}

/**
 * How long the index requests of one client take while others search: first alone, then beside them. The event loop of this process is watched too:
 * where it was late itself, so were the answers.
 *
 * @throws {Error} wrk is not installed, or an answer was an error
 */
export async function benchSearch(options: BenchSearchOptions): Promise<void> {
  if (!has('wrk')) throw new Error('expected wrk to be installed');
  const scratch = createScratch(options.out);
  try {
    const { index, crates } = makeIndex(scratch.directory, options.crates);
    const root = path.join(scratch.directory, 'root');
    mkdirSync(root);
    const [port = 0] = await freePorts(1);
    const server = await launchServer({ index, root }, port);
    try {
      const names = await namesOf(server.url);
      options.say(`${crates} crates, ${options.connections} clients search\n`);
      const rows: string[][] = [];
      for (let run = 0; run < options.runs; run += 1) {
        rows.push(rowOf('alone', await build(server.url, names, sleep(options.seconds * 1000)), undefined));
        const before = server.seconds();
        const { seconds, connections } = options;
        const load = { requests: SEARCHES, connections, seconds, script: path.join(scratch.directory, 'wrk.lua') };
        const searching = runWrk(server.url, load);
        const built = await build(server.url, names, searching);
        const { requests } = await searching;
        rows.push(rowOf('beside searches', built, { requests, cost: (server.seconds() - before) / requests }));
      }
      options.say(`\n${alignedTable([HEAD, ...rows])}\n`);
    } finally {
      await server.close();
    }
  } finally {
    scratch.remove();
  }
}

const HEAD = [
  'index requests',
  'number',
  'median, ms',
  'p99, ms',
  'slowest, ms',
  'own delay, ms',
  'searches',
  'CPU, ms',
];

/** One or two letters, which find up to a third of all names, and longer ones; some pages deep. */
const SEARCHES: readonly LoadRequest[] = [...'abcdefghijklmnopqrstuvwxyz']
  .flatMap((letter) => [letter, ...[...'aeiour'].map((second) => letter + second)])
  .concat('swc_', 'serde', 'tokio-')
  .map((query, i) => ({ target: `/search?q=${query}&page=${1 + (i % 3)}`, headers: {} }));

/** Crates to ask for, once the server has counted. */
async function namesOf(url: string): Promise<readonly string[]> {
  for (;;) {
    const response = await fetch(`${url}/api/v1/crates?q=s&per_page=100`);
    const body = (await response.json()) as { readonly crates?: readonly { readonly name: string }[] };
    if (response.status === 200 && body.crates !== undefined) return body.crates.map(({ name }) => name);
    await sleep(500);
  }
}

interface Built {
  readonly times: readonly number[];
  readonly ownDelayMs: number;
}

/** Ask for index files, one after the other, until `over`. */
async function build(url: string, names: readonly string[], over: Promise<unknown>): Promise<Built> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let isOver = false;
  const end = (): void => void (isOver = true);
  over.then(end, end);
  const times: number[] = [];
  delay.enable();
  for (let i = 0; !isOver; i += 1) {
    const begin = performance.now();
    await get(`${url}/index/${indexPathOf(names[i % names.length] ?? '')}`, agent);
    times.push(performance.now() - begin);
    await sleep(1);
  }
  delay.disable();
  agent.destroy();
  return { times: times.sort((a, b) => a - b), ownDelayMs: delay.max / 1e6 };
}

function get(url: string, agent: http.Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url}: status ${response.statusCode ?? 0}`));
      response.resume().on('end', resolve).on('error', reject);
    });
    request.on('error', reject);
  });
}

function rowOf(
  name: string,
  { times, ownDelayMs }: Built,
  load: { readonly requests: number; readonly cost: number } | undefined,
): string[] {
  const at = (part: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0).toFixed(1);
  const searches = load === undefined ? ['', ''] : [load.requests.toString(), (load.cost * 1000).toFixed(2)];
  return [name, times.length.toString(), at(0.5), at(0.99), at(1), ownDelayMs.toFixed(1), ...searches];
}
