import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { BenchOptions } from './bench-options.ts';
import { runCommands } from './run-command.ts';
import type { CommandLine } from './run-command.ts';
import { medianSample } from './sample.ts';
import type { Sample } from './sample.ts';
import { formatTable } from './table.ts';
import type { Workload } from './table.ts';
import type { Scratch } from './workspace.ts';

/** One way to do the work. */
export interface Contender {
  readonly name: string;
  /** The command lines of a run whose output goes to the directory `out`, which is not there yet. */
  readonly commands: (out: string) => readonly CommandLine[];
}

/** A comparison. */
export interface CompareOptions extends Omit<BenchOptions, 'out'> {
  readonly contenders: readonly Contender[];
  readonly workload: Workload;
  /** The contender that the others are measured by; without it, the first one. */
  readonly reference: string;
  /** Each run gets a directory of its own in it. */
  readonly scratch: Pick<Scratch, 'directory' | 'isMemory'>;
  readonly serverSeconds?: () => number;
}

/** Run all contenders in turn, `runs` times, and say each sample, the command lines, and a table of medians. */
export async function compare(options: CompareOptions): Promise<void> {
  const { runs, scratch, limitMs, say } = options;
  const contenders = choose(options);
  const samples = new Map<Contender, Sample[]>(contenders.map((contender) => [contender, []]));
  const left: string[] = [];
  const server = options.serverSeconds === undefined ? {} : { serverSeconds: options.serverSeconds };
  try {
    for (let run = 1; run <= runs; run += 1) {
      for (const contender of contenders) {
        const out = path.join(scratch.directory, `${String(run)}-${contender.name.replace(/[^\w-]+/g, '-')}`);
        left.push(out);
        mkdirSync(out, { recursive: true });
        const commands = contender.commands(path.join(out, 'out'));
        if (run === 1) say(commands.map((command) => `$ ${shown(command)}\n`).join(''));
        const sample = await runCommands(commands, {
          reportFile: path.join(scratch.directory, 'cost'),
          limitMs,
          ...server,
        });
        samples.get(contender)?.push(sample);
        say(
          `run ${run} ${contender.name}: ${sample.wall.toFixed(2)} s, ${sample.cpu.toFixed(2)} CPU s, other ${sample.other.toFixed(1)} s\n`,
        );
        // they would fill the memory; on a disk deleting makes what follows slower (ext4 passes over inodes that were freed lately, one by one)
        if (scratch.isMemory) remove(out);
      }
    }
  } finally {
    left.forEach(remove);
  }
  const rows = [...samples].map(([{ name }, taken]) => {
    const walls = taken.map(({ wall }) => wall);
    return { name, sample: medianSample(taken), range: [Math.min(...walls), Math.max(...walls)] as const };
  });
  const reference = contenders.find(({ name }) => name === options.reference) ?? contenders[0];
  say(`\n${formatTable(rows, options.workload, reference?.name ?? '')}\n`);
}

function choose({ contenders, only }: CompareOptions): readonly Contender[] {
  if (only.length === 0) return contenders;
  return only.map((name) => {
    const found = contenders.find((contender) => contender.name === name);
    if (found !== undefined) return found;
    throw new Error(`expected some of ${contenders.map((each) => each.name).join(', ')}; found ${name}`);
  });
}

function remove(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

function shown(command: CommandLine): string {
  return command
    .map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`))
    .join(' ');
}
