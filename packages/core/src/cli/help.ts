import { commonFlags } from './common-flags.ts';
import type { Flag, Flags } from './flags.ts';
import type { Command, Tool } from './tool.ts';

/**
 * What `--help` prints: for `each` undefined the tool's commands with the flags of the default one, else the flags of that
 * command. Made from the tables alone, which takes a few milliseconds; yargs' own help takes longer than a start may.
 */
export function helpText(tool: Tool, each: Command | undefined): string {
  const shown = each ?? tool.commands.find((candidate) => candidate.isDefault);
  const head =
    each === undefined ? [`${tool.name} [command] [flags]`, tool.description] : [usageOf(tool, each), each.summary];
  const parts = [
    ...head.map((text) => wrap(text, 0)),
    ...(each === undefined && tool.commands.length > 1 ? [commandList(tool)] : []),
    ...(shown === undefined ? [] : [...positionalList(shown), ...flagGroups({ ...shown.flags, ...commonFlags })]),
    wrap(ENVIRONMENT, 0),
    wrap(EXIT_STATUS, 0),
  ];
  return `${parts.join('\n\n')}\n`;
}

/** How `each` is called: the tool's name, its own, its arguments, `[flags]`. */
export function usageOf(tool: Tool, each: Command): string {
  const words = each.positionals.map(({ name, required }) => (required ? `<${name}>` : `[${name}]`));
  return [tool.name, each.name, ...words, '[flags]'].join(' ');
}

function commandList(tool: Tool): string {
  const rows = tool.commands.map((each): [string, string] => [
    usageOf(tool, each).replace(' [flags]', ''),
    `${each.summary}${each.isDefault ? ' [default]' : ''}`,
  ]);
  return table('Commands:', rows);
}

function positionalList({ positionals }: Command): string[] {
  if (positionals.length === 0) return [];
  return [
    table(
      'Arguments:',
      positionals.map(({ name, describe, required }) => [name, required ? `${describe} (required)` : describe]),
    ),
  ];
}

function flagGroups(flags: Flags): string[] {
  const groups = new Map<string, [string, string][]>();
  for (const [name, spec] of Object.entries(flags)) {
    const group = spec.group ?? 'Flags:';
    const rows = groups.get(group) ?? [];
    rows.push([flagHead(name, spec), flagText(spec)]);
    groups.set(group, rows);
  }
  const common = commonFlags.config.group ?? '';
  groups.get(common)?.push(['--help', 'show this'], ['--version', 'show the version']);
  return [...groups].map(([title, rows]) => table(title, rows));
}

/** A flag as the help lists it: `--out DIR`, `--[no-]progress`. */
export function flagHead(name: string, spec: Flag<unknown>): string {
  if (spec.kind !== 'boolean') return `--${name} ${spec.value}`;
  return spec.default === true ? `--[no-]${name}` : `--${name}`;
}

/** What the help says of a flag, with its default. */
export function flagText(spec: Flag<unknown>): string {
  const shown = spec.defaultText ?? (typeof spec.default === 'boolean' ? undefined : spec.default);
  if (spec.kind === 'boolean' && spec.default === true) return `${spec.describe} [default: on]`;
  return shown === undefined ? spec.describe : `${spec.describe} [default: ${shown}]`;
}

/** Two columns; a left one that is too wide has its text in the next line. */
function table(title: string, rows: readonly (readonly [string, string])[]): string {
  const widest = Math.max(...rows.map(([left]) => left.length).filter((length) => length <= MAX_LEFT));
  const indent = INDENT + (Number.isFinite(widest) ? widest : MAX_LEFT) + GAP;
  const lines = rows.map(([left, right]) => {
    const text = wrap(right, indent).trimStart();
    const start = ' '.repeat(INDENT) + left;
    return start.length + GAP <= indent ? start.padEnd(indent) + text : `${start}\n${' '.repeat(indent)}${text}`;
  });
  return [title, ...lines].join('\n');
}

/** Break a text between words so that no line passes the width; every line is indented. */
function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each).join('\n');
}

const WIDTH = 110;
const INDENT = 2;
const GAP = 2;
const MAX_LEFT = 34;

const ENVIRONMENT =
  'Every flag can also be set as MIRROR_<FLAG> in the environment or in the --config file; `completion bash|zsh|fish` prints a completion script.';

/** The table of exit statuses in one sentence. */
export const EXIT_STATUS =
  'Exit status: 0 done and verified, 1 a bug, 2 usage or config, 3 finished but some items failed, 4 integrity or signature, 5 upstream, 6 disk or permission, 7 locked by another run, 8 verified but the signer is not trusted, 130/143 interrupted, 141 stdout closed.';
