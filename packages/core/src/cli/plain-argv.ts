import { commonFlags } from './common-flags.ts';
import type { Flags } from './flags.ts';
import type { Chosen, Tool } from './tool.ts';

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
  const flags: Flags = { ...command.flags, ...commonFlags };
  const found = new Map<string, string[]>();
  for (const word of args) {
    if (word === words[0]) continue;
    // an empty value is for yargs' reader to refuse
    const [, name = '', value] = /^--([a-z][a-z0-9-]*)=(.+)$/s.exec(word) ?? [];
    if (value === undefined || !Object.hasOwn(flags, name)) return undefined;
    found.set(name, [...(found.get(name) ?? []), value]);
  }
  const given = new Map([...found].map(([name, parts]) => [name, { parts, origin: `--${name}` }]));
  return { command, given, positionals: [] };
}
