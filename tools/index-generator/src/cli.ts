import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { generateIndex, REAL_CRATES } from './generate-index.ts';
import { mutateIndex } from './mutate-index.ts';
import { writeHistory } from './write-history.ts';

const HELP = `index-generator: an index as large and as odd as that of crates.io, without crate files.

  index-generator --out DIR [--crates N] [--seed TEXT] [--extremes]
  index-generator --out DIR --mutate N --changes FILE [--seed TEXT]
  index-generator --out DIR --history N --repository DIR [--seed TEXT]

  --out DIR       folder of the index: empty, or with --mutate the index to change
  --crates N      number of crates                                     [${REAL_CRATES}]
  --seed TEXT     what everything is drawn from; same seed, same bytes [1]
  --extremes      plant the longest name, version, line, file and the crate with most versions, also below 10,000 crates
  --mutate N      change N versions: added, yanked, unyanked, removed, replaced, updated
  --changes FILE  where the changes go, one JSON line each
  --history N     commit the index as it is, and after it N commits of one changed file each; --out is left as it is
  --repository DIR
                  a new bare git repository for them: its branches \`first\` and \`master\` are the two ends

stdout: one JSON line with exact counts. Exit status 0, or 2 for wrong usage.
`;

/** The surroundings of the command. */
export interface CliIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/** Run the command line `argv`; resolves to the exit status: 0, or 2 for wrong usage. */
export async function main(argv: readonly string[], io: CliIo): Promise<number> {
  try {
    const flags = parse(argv);
    if (flags.help === true) io.stdout.write(HELP);
    else io.stdout.write(`${JSON.stringify(await work(flags))}\n`);
    return 0;
  } catch (error) {
    io.stderr.write(`index-generator: ${(error as Error).message}\n`);
    return 2;
  }
}

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  out: { type: 'string' },
  crates: { type: 'string' },
  seed: { type: 'string' },
  extremes: { type: 'boolean' },
  mutate: { type: 'string' },
  changes: { type: 'string' },
  history: { type: 'string' },
  repository: { type: 'string' },
} as const;

type Flags = ReturnType<typeof parse>;

function parse(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: FLAGS, strict: true }).values;
}

function work(flags: Flags): object | Promise<object> {
  if (flags.mutate !== undefined) return mutate(flags);
  return flags.history === undefined ? generate(flags) : history(flags, flags.history);
}

function generate(flags: Flags): object {
  const { seed, extremes } = flags;
  const crates = flags.crates === undefined ? REAL_CRATES : count('crates', flags.crates);
  const options = { out: required('out', flags.out), crates, ...(seed === undefined ? {} : { seed }) };
  return generateIndex(extremes === undefined ? options : { ...options, extremes });
}

function mutate(flags: Flags): object {
  const { seed = '1' } = flags;
  const file = required('changes', flags.changes);
  const changes = mutateIndex({ dir: required('out', flags.out), changes: count('mutate', flags.mutate ?? ''), seed });
  writeFileSync(file, changes.map((change) => `${JSON.stringify(change)}\n`).join(''));
  const counts: Record<string, number> = {};
  for (const { change } of changes) counts[change] = (counts[change] ?? 0) + 1;
  return { schema_version: 1, seed, changes: changes.length, ...Object.fromEntries(Object.entries(counts).sort()) };
}

function history(flags: Flags, commits: string): Promise<object> {
  const { seed = '1' } = flags;
  const [dir, repository] = [required('out', flags.out), required('repository', flags.repository)];
  return writeHistory({ dir, repository, commits: count('history', commits), seed });
}

function required(name: string, text: string | undefined): string {
  if (text === undefined) throw new Error(`--${name} is needed`);
  return text;
}

function count(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`--${name}: expected a number; found ${text}`);
  return Number(text);
}
