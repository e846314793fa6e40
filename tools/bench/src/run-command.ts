import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { busySeconds } from './processor-time.ts';
import type { Sample } from './sample.ts';

/** A program with its arguments. */
export type CommandLine = readonly [string, ...string[]];

/** How commands are run. */
export interface RunOptions {
  /** A file for what the judge of CPU and memory writes. */
  readonly reportFile: string;
  /** A run that takes longer is an error, in milliseconds. */
  readonly limitMs: number;
  /** CPU seconds of the server so far; default always 0. */
  readonly serverSeconds?: () => number;
}

/**
 * Run command lines one after the other and tell what they cost together; the peak is that of the hungriest.
 *
 * CPU and memory are what wait4 says of the child and of all that it waited for: by GNU time when it is installed, else by
 * python3; with neither, by `times` of the shell, which knows nothing of memory.
 *
 * @throws {Error} a command fails or takes too long
 */
export async function runCommands(commands: readonly CommandLine[], options: RunOptions): Promise<Sample> {
  const { serverSeconds = () => 0 } = options;
  const server = serverSeconds();
  const busy = busySeconds();
  const start = performance.now();
  const costs: Cost[] = [];
  for (const command of commands) costs.push(await runOne(command, options));
  const wall = (performance.now() - start) / 1000;
  const cpu = costs.reduce((sum, cost) => sum + cost.cpu, 0);
  const rss = costs.flatMap((cost) => cost.rss ?? []);
  const spent = serverSeconds() - server;
  return {
    ...{ wall, cpu, server: spent, rss: rss.length === 0 ? undefined : Math.max(...rss) },
    other: Math.max(0, busySeconds() - busy - cpu - spent),
  };
}

interface Cost {
  readonly cpu: number;
  readonly rss: number | undefined;
}

async function runOne(command: CommandLine, { reportFile, limitMs }: RunOptions): Promise<Cost> {
  const [program, ...args] = judged(command, reportFile);
  // a group of its own, so that a command that takes too long ends with all that it started
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-2000);
  });
  const timer = setTimeout(() => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, limitMs);
  const [status] = (await once(child, 'close')) as [number | null];
  clearTimeout(timer);
  if (status !== 0)
    throw new Error(`${command[0]} ended with ${status ?? `SIGKILL after ${limitMs} ms`}: ${complaint}`);
  return parseCost(readFileSync(reportFile, 'utf8'));
}

/** Read `USER SYSTEM PEAK_KIB` (GNU time, python3) or what the shell's `times` prints last. */
export function parseCost(text: string): Cost {
  const figures = /^([\d.]+) ([\d.]+) (\d+)$/m.exec(text);
  if (figures !== null) return { cpu: Number(figures[1]) + Number(figures[2]), rss: Number(figures[3]) * 1024 };
  const times = [...(text.trim().split('\n').at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)];
  if (times.length !== 2) throw new Error(`cannot read what a run cost: ${text}`);
  return {
    cpu: times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0),
    rss: undefined,
  };
}

function judged(command: CommandLine, reportFile: string): CommandLine {
  if (has('/usr/bin/time')) return ['/usr/bin/time', '-q', '-o', reportFile, '-f', '%U %S %M', ...command];
  if (has('python3')) return ['python3', '-c', WAIT4, reportFile, ...command];
  return ['sh', '-c', '"$@"; status=$?; times >"$0"; exit $status', reportFile, ...command];
}

const WAIT4 = `
import os, subprocess, sys
child = subprocess.Popen(sys.argv[2:])
_, status, used = os.wait4(child.pid, 0)
open(sys.argv[1], "w").write("%f %f %d\\n" % (used.ru_utime, used.ru_stime, used.ru_maxrss))
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

const known = new Map<string, boolean>();

/** Whether a program is installed. */
export function has(program: string): boolean {
  let answer = known.get(program);
  if (answer === undefined) {
    answer = spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0;
    known.set(program, answer);
  }
  return answer;
}
