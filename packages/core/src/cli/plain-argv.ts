import { commonFlags } from './common-flags.ts';
import type { Flags } from './flags.ts';
import type { Chosen, Tool } from './run-cli.ts';

/**
 * Read a command line, in the form of `normalizeArgv`, that is plain beyond doubt: at most the name of a command, then known
 * flags with values that need no judgement. Gives undefined for any other one, which is for yargs to read or to refuse; what this gives
 * is what yargs would give. Loading yargs takes longer than many a run.
 */
export function readPlainArgv(tool: Tool, args: readonly string[]): Chosen | undefined {
  const words = args.filter((word) => !word.startsWith('-'));
  const command = tool.commands.find((each) => (words.length === 0 ? each.isDefault : each.name === words[0]));
  if (command === undefined || words.length > 1 || command.positionals.some(({ required }) => required))
    return undefined;
  const beforeWord = args[args.indexOf(words[0] ?? '') - 1];
  if (beforeWord?.includes('=') === false) return undefined; // yargs may take the word for the value of that flag
  const flags: Flags = { ...command.flags, ...commonFlags };
  const found = new Map<string, string[]>();
  for (const word of args) {
    if (word === words[0]) continue;
    const plain = readFlag(word, flags);
    if (plain === undefined) return undefined;
    const { name, value, isLast } = plain;
    found.set(name, isLast ? [value] : [...(found.get(name) ?? []), value]);
  }
  const given = new Map([...found].map(([name, parts]) => [name, { parts, origin: `--${name}` }]));
  return { command, given, positionals: [] };
}

interface PlainFlag {
  readonly name: string;
  readonly value: string;
  /** Only the last one of several counts. */
  readonly isLast: boolean;
}

function readFlag(word: string, flags: Flags): PlainFlag | undefined {
  const [, name = '', value] = /^--([a-z][a-z0-9-]*)(?:=(.+))?$/s.exec(word) ?? [];
  const spec = Object.hasOwn(flags, name) ? flags[name] : undefined;
  if (spec === undefined) return readNegated(name, value, flags);
  if (spec.kind === 'boolean') return value === undefined ? { name, value: 'true', isLast: true } : undefined;
  return value === undefined || !isPlainValue(value) ? undefined : { name, value, isLast: false };
}

function readNegated(name: string, value: string | undefined, flags: Flags): PlainFlag | undefined {
  const positive = name.startsWith('no-') ? name.slice(3) : '';
  const isBoolean = Object.hasOwn(flags, positive) && flags[positive]?.kind === 'boolean';
  return isBoolean && value === undefined ? { name: positive, value: 'false', isLast: true } : undefined;
}

// yargs takes quotation marks away
function isPlainValue(value: string): boolean {
  return !/^['"]/.test(value);
}
